"""An update rule as one ONNX model, for a service that embeds the room `serving`."""
