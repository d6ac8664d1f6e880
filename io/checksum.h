// A checksum of rows that does not depend on who holds which rows: the sum, modulo 2^64, of a hash of each row with its
// number.
#ifndef PSAC_IO_CHECKSUM_H
#define PSAC_IO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Of rows [first_row, first_row + n_rows), row_bytes each; those of disjoint parts add up.
uint64_t psac_checksum_rows(int64_t first_row, int64_t n_rows, size_t row_bytes, const void *rows);

#endif
