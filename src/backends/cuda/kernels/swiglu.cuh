// SwiGLU's pointwise half (Shazeer 2020):  silu(gate) up,  silu(z) = z s,  s = 1 / (1 + exp(-z)).
#pragma once
#include "sigmoid.cuh"

__device__ __forceinline__ float gated(float gate, float up) { return up * (gate * sigmoid(gate)); }
