// The limit that `papillon bench` measures others against: matrix products of the network's size.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "papillon/apps/progress.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {

inline double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A product [tile, H] x [H, H] on as many threads, each with operands of its own: FLOP/s.
template <class T>
class Gemm {
 public:
  static constexpr std::size_t tile = 256, H = 256;  // the network's tile and width

  explicit Gemm(std::size_t threads) : lanes_(threads) {
    for (Lane& lane : lanes_) {
      lane.a = random_normal<T>({tile, H}, {0, 1});
      lane.b = random_normal<T>({H, H}, {0, 2});
      lane.c = Tensor<T>::zeros({tile, H});
    }
    measure(0.02);
  }

  double measure(double seconds) {
    const auto repetitions = static_cast<std::size_t>(std::max(1.0, seconds / pass_));
    const double time = seconds_of([&] {
      parallel_for(lanes_.size(), [&](std::size_t i) {
        Lane& lane = lanes_[i];
        for (std::size_t r = 0; r < repetitions; ++r)
          gemm(Transpose::no, Transpose::yes, tile, H, H, T(1), lane.a.data(), H, lane.b.data(), H,
               T(0), lane.c.data(), H);
      });
    });
    pass_ = time / static_cast<double>(repetitions);
    return 2.0 * tile * H * H * static_cast<double>(lanes_.size() * repetitions) / time;
  }

 private:
  struct Lane {
    Tensor<T> a, b, c;
  };
  std::vector<Lane> lanes_;
  double pass_ = 1e-3;  // seconds of one product
  SingleThreadedBlas alone_;
};

}  // namespace papillon::apps
