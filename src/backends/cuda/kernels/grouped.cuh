// What the grouped products share: one product per expert over rows sorted by expert, by persistent blocks that find
// their tiles from counts in device memory; tiles of TILE x TILE, DEPTH of the summed index at a time, STAGES under way
// (-D options, as in lower/grouped-matmul.ts), by warps or, with -DWARPGROUPS, by warpgroups. Sums are f32, factors bf16.
// A factor is stored with rows of the product in its rows (the summed index runs along them), or with the summed index
// in its rows: then it is transposed on its way from shared memory.
#pragma once
#include "bf16.cuh"
#ifdef WARPGROUPS
#include "grouped-warpgroups.cuh"
#else
#include "grouped-warps.cuh"
#endif

// A factor of WIDTH elements a row in global memory, as its pieces lie in shared memory: LENGTH along the product.
template <int WIDTH, bool SUMMED_ROWS, int LENGTH = TILE>
struct Factor {
  static constexpr bool SUMMED = SUMMED_ROWS;
  static constexpr int STRIDE = WIDTH;
  static constexpr int ROWS = SUMMED_ROWS ? DEPTH : LENGTH, COLUMNS = SUMMED_ROWS ? LENGTH : DEPTH;
  using Shared = Piece<ROWS, COLUMNS>;
  static constexpr int SIZE = Shared::SIZE;
  // Elements of one copy: the most that rows are aligned for.
  static constexpr int COPY = WIDTH % 8 == 0 ? 8 : WIDTH % 4 == 0 ? 4 : WIDTH % 2 == 0 ? 2 : 1;

  static constexpr int PER_ROW = COLUMNS / COPY, DOWN = THREADS / PER_ROW, TURNS = ROWS / DOWN;
  static_assert(THREADS % PER_ROW == 0 && ROWS % DOWN == 0, "");
#ifdef WARPGROUPS
  static_assert(COPY == 8 && DOWN % 8 == 0, "words keep their places from turn to turn");
#endif

  // Starts copying the piece from row `row` and column `column` on. Rows from `rows` on and columns from WIDTH on are
  // zeros and go unread.
  static __device__ __forceinline__ void load(bf16* shared, const bf16* from, int row, int rows, int column) {
    const bf16* first = from + static_cast<long long>(row + threadIdx.x / PER_ROW) * WIDTH;
    copy(shared, row, rows, column, [=](int turn) { return first + static_cast<long long>(turn * DOWN) * WIDTH; });
  }

  // at(turn): where the row begins that this thread takes part of at that turn.
  template <class At>
  static __device__ __forceinline__ void copy(bf16* shared, int row, int rows, int column, const At& at) {
    const int r = threadIdx.x / PER_ROW, c = threadIdx.x % PER_ROW * COPY;
    bf16* to = shared + Shared::at(r, c);
    const int left = column + c < WIDTH ? rows - row - r : 0;
    // Single elements have many turns: all at once would take more registers than there are.
#pragma unroll (COPY == 1 ? 8 : TURNS)
    for (int turn = 0; turn < TURNS; turn++) {
      const bool valid = turn * DOWN < left;
      const bf16* source = at(turn) + column + c;
      if constexpr (COPY == 1) {
        *to = valid ? *source : bf16{0};
      } else {
        cp_async<2 * COPY>(to, source, valid);
      }
      to += DOWN * Shared::ROW;
    }
  }
};

#ifdef TOP_K
// A factor whose row s is row order[s] / TOP_K of a smaller matrix: tokens as the experts read them, never written out.
template <class F>
struct Gathered {
  const bf16* from;
  const int* order;
  int source[F::TURNS]; // of the piece that is loaded next

  __device__ __forceinline__ void find(int row, int rows) {
#pragma unroll
    for (int turn = 0; turn < F::TURNS; turn++) {
      const int r = row + threadIdx.x / F::PER_ROW + turn * F::DOWN;
      source[turn] = r < rows ? order[r] / TOP_K : 0;
    }
  }
  __device__ __forceinline__ void load(bf16* shared, int row, int rows, int column) const {
    F::copy(shared, row, rows, column, [=](int turn) {
      return from + static_cast<long long>(source[turn]) * F::STRIDE;
    });
  }
};
#endif

// Where each expert's rows and tiles begin; the last is where all end.
struct Starts {
  int row[EXPERTS + 1], tile[EXPERTS + 1];
};

// Calls body(expert, its tile's first row, the end of its rows, the tile's place across) for the tiles that are this
// block's: number block, block + grid, ... of all experts' tiles, ACROSS side by side. `starts` is in shared memory.
template <int ACROSS, class Body>
__device__ __forceinline__ void for_each_tile(Starts& starts, const int* counts, const Body& body) {
  for (int e = threadIdx.x; e <= EXPERTS; e += THREADS) {
    int row = 0, tile = 0;
    for (int before = 0; before < e; before++) {
      row += counts[before];
      tile += (counts[before] + TILE - 1) / TILE * ACROSS;
    }
    starts.row[e] = row;
    starts.tile[e] = tile;
  }
  __syncthreads();

  int expert = 0;
  for (int tile = blockIdx.x; tile < starts.tile[EXPERTS]; tile += gridDim.x) {
    while (tile >= starts.tile[expert + 1]) expert++;
    // Tiles of the same columns stand next to each other.
    const int within = tile - starts.tile[expert], down = (starts.tile[expert + 1] - starts.tile[expert]) / ACROSS;
    body(expert, starts.row[expert] + within % down * TILE, starts.row[expert + 1], within / down);
  }
}

template <class Left, class Right>
constexpr int STAGE = Left::SIZE + Right::SIZE;

// sums = left right over `depth` summed indices. load(stage's left part, right part, first index) starts its copies.
template <class Left, class Right, class Load>
__device__ __forceinline__ void multiply(Sums& sums, bf16* stages, int depth, const Load& load) {
  clear(sums);
  const int steps = (depth + DEPTH - 1) / DEPTH;
  auto start = [&](int step) {
    bf16* stage = stages + step % STAGES * STAGE<Left, Right>;
    if (step < steps) load(stage, stage + Left::SIZE, step * DEPTH);
    cp_async_commit(); // Groups are counted, so there is one for every step.
  };
#pragma unroll
  for (int step = 0; step < STAGES - 1; step++) start(step);
  for (int step = 0; step < steps; step++) {
    cp_async_wait<STAGES - 2>();
    make_visible();
    __syncthreads(); // This stage is there, and all are done with the one before.
    start(step + STAGES - 1);
    const bf16* stage = stages + step % STAGES * STAGE<Left, Right>;
    add_product<Left, Right>(sums, stage, stage + Left::SIZE);
  }
  cp_async_wait<0>();
  make_visible();
  __syncthreads(); // The next tile starts with the first stage.
}

// Calls store(row, column, two neighbouring sums) for this thread's part of the tile; the column is even.
template <class Store>
__device__ __forceinline__ void for_each_pair(const Sums& sums, const Store& store) {
  for_each_row(sums, [&](int row, int column, const float(&columns)[RUN][4], int half) {
#pragma unroll
    for (int n = 0; n < RUN; n++) store(row, column + n * 8, columns[n][half], columns[n][half + 1]);
  });
}

// Two neighbours to row `row` and the even column `column` of y, which is WIDTH wide.
template <int WIDTH>
__device__ __forceinline__ void store_pair(bf16* y, int row, int column, float first, float second) {
  bf16* to = y + static_cast<long long>(row) * WIDTH + column;
  if constexpr (WIDTH % 2 == 0) {
    *reinterpret_cast<unsigned*>(to) = bf16_pair(first, second);
  } else {
    to[0] = from_float<bf16>(first);
    if (column + 1 < WIDTH) to[1] = from_float<bf16>(second);
  }
}
