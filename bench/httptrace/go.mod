module example.com/httptrace

go 1.22
