"""A stand-in for pjrt_plugin_tt, which has the library of the plugin."""


def get_library_path():
    raise FileNotFoundError("the stand-in has no library")


def normalize_tt_visible_devices():
    pass


def register_shutdown_hook():
    pass


def setup_tt_metal_home():
    pass


def setup_tt_pjrt_plugin_dir():
    pass
