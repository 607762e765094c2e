module gospect.test/symbols

go 1.18
