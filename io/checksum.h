// Checksum of rows that does not depend on their distribution over ranks: the sum, modulo 2^64, of a hash of each row
// and its number.
#ifndef PSAC_IO_CHECKSUM_H
#define PSAC_IO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Checksum of rows [first_row, first_row + n_rows), row_bytes each. The checksums of disjoint parts add up. Not
// collective.
uint64_t psac_checksum_rows(int64_t first_row, int64_t n_rows, size_t row_bytes, const void *rows);

#endif
