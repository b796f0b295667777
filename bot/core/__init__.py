"""The core: store, index, model and answers on one data folder, in the worker's thread."""
