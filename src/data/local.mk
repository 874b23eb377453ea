# sources of src/data go into libassay
nobase_assayinclude_HEADERS += src/data/table.h
