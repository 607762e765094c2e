module example.com/bench/heap

go 1.19
