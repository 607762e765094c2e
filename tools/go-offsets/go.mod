module go-offsets

go 1.19
