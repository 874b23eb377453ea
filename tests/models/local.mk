# tests of src/models
