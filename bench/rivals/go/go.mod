module vitte-bench-go

go 1.22
