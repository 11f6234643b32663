// sigmoid(z) = 1 / (1 + exp(-z)): 0 where exp(-z) is infinite, and not a number where z is none.
#pragma once

__device__ __forceinline__ float sigmoid(float z) { return 1.0f / (1.0f + __expf(-z)); }
