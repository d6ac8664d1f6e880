// Labeled digits from IDX files, the format of MNIST and of Fashion-MNIST.
//
// A set is two files, images (magic number 0x0803, number of images, height, width, then one byte per pixel) and labels
// (magic number 0x0801, number of labels, then one byte per label); the numbers are 32-bit, big-endian.
#ifndef PSAC_IO_IDX_H
#define PSAC_IO_IDX_H

#include <stdint.h>

#include "base/status.h"

enum { PSAC_DIGIT_CLASSES = 10, PSAC_DIGIT_SIDE_MAX = 64 };  // labels are 0..9; largest height and width, pixels

typedef struct psac_digits {  // one labeled set
  int64_t n;                  // images
  int height, width;          // pixels
  uint8_t *pixels;            // [n][height][width], 0 = background
  uint8_t *labels;            // [n], 0..9
} psac_digits;

typedef enum psac_digit_set { PSAC_TRAIN_SET, PSAC_TEST_SET } psac_digit_set;

// Reads folder/{train,t10k}-{images-idx3,labels-idx1}-ubyte, or where there is no such file its gzipped form (.gz).
// At most `max_images` are read, 0 = all; only a set that is read whole is checked to the end of its files.
// The caller owns the arrays and frees them with psac_digits_free. Memory grows with the bytes that are read, whatever
// size a header gives. Not collective. After a failure `digits` is all zero.
// PSAC_ERR_INPUT: a file is missing, unreadable, too short or long, corrupt, or contradicts the other; PSAC_ERR_MEMORY.
psac_status psac_digits_read(const char *folder, psac_digit_set set, int64_t max_images, psac_digits *digits);

// Frees the arrays and zeroes the struct; NULL is allowed.
void psac_digits_free(psac_digits *digits);

#endif
