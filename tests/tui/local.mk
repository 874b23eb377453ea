# tests of src/tui
