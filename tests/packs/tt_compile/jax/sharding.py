class SingleDeviceSharding:
    def __init__(self, device):
        self.device = device
