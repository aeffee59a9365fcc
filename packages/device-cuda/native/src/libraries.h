// The libraries that a card is used through besides the driver. Owns nothing but that there are two; read `products.h` and `convolutions.h`.
#pragma once
#include "convolutions.h"
#include "products.h"

struct Libraries {
  // One memory for both: what they do follows one another in one stream.
  void workIn(CUdeviceptr workspace, size_t bytes) {
    products.workIn(workspace, bytes);
    convolutions.workIn(workspace, bytes);
  }
  void clear() {
    products.clear();
    convolutions.clear();
  }

  Products products;
  Convolutions convolutions;
};
