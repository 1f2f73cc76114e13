def canonicalize_dtype(name):
    return {"int64": "int32", "float64": "float32"}.get(name, name)
