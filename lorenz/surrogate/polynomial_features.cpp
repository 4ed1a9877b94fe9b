// Monomials, each from one of lower degree times a variable.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "papillon/lorenz/surrogate/features.hpp"

namespace papillon::inline surrogate {
namespace {

class Polynomials final : public Features {
 public:
  Polynomials(std::size_t dimension, std::size_t degree) : dimension_(dimension) {
    // In each degree, x_v times those of the degree before that begin with x_v or a later variable.
    std::vector<std::size_t> leading(dimension);
    for (std::size_t v = 0; v < dimension; ++v) leading[v] = v;
    size_ = dimension;
    for (std::size_t p = 2; p <= degree; ++p) {
      Degree next;
      std::vector<std::size_t> leads;
      for (std::size_t v = 0; v < dimension; ++v)
        for (std::size_t m = 0; m < leading.size(); ++m) {
          if (leading[m] < v) continue;
          next.factor.push_back(static_cast<std::int64_t>(m));
          next.variable.push_back(static_cast<std::int64_t>(v));
          leads.push_back(v);
        }
      leading = std::move(leads);
      size_ += leading.size();
      if (size_ > 65536)
        throw ArgumentError(fmt::format(
            "polynomials of degree {} in {} variables: more than 65536 terms", degree, dimension));
      degrees_.push_back(std::move(next));
    }
  }

  std::size_t dimension() const override { return dimension_; }
  std::size_t size() const override { return size_; }
  std::string name() const override {
    return fmt::format("polynomials of degree {}", degrees_.size() + 1);
  }

  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const override {
    for (std::size_t i = 0; i < n; ++i) {
      const double* x = states + i * dimension_;
      double* before = std::copy_n(x, dimension_, out + i * ld) - dimension_;
      for (const Degree& degree : degrees_) {
        double* after = before + count_before(degree);
        for (std::size_t m = 0; m < degree.factor.size(); ++m)
          after[m] = before[degree.factor[m]] * x[degree.variable[m]];
        before = after;
      }
    }
  }

  Var<float> operator()(const Var<float>& x) const override { return terms(x); }
  Var<double> operator()(const Var<double>& x) const override { return terms(x); }

  std::string kind() const override { return "polynomials"; }
  std::map<std::string, std::string> settings() const override {
    return {{"degree", std::to_string(degrees_.size() + 1)}};
  }

 private:
  struct Degree {
    std::vector<std::int64_t> factor, variable;  // of each monomial
  };

  // The number of monomials in the degree before.
  std::size_t count_before(const Degree& degree) const {
    return &degree == degrees_.data() ? dimension_ : (&degree - 1)->factor.size();
  }

  template <class T>
  Var<T> terms(const Var<T>& states) const {
    const Var<T> x = transpose(states);  // one variable a row
    std::vector<Var<T>> all = {x};
    for (const Degree& degree : degrees_)
      all.push_back(gather_rows(all.back(), degree.factor) * gather_rows(x, degree.variable));
    return transpose(concatenate(all, 0));
  }

  std::size_t dimension_, size_ = 0;
  std::vector<Degree> degrees_;  // from 2
};

}  // namespace

FeaturesPtr polynomial_features(std::size_t dimension, std::size_t degree) {
  if (dimension == 0 || degree == 0)
    throw ArgumentError(fmt::format(
        "polynomials of degree {} in {} variables; both must be positive", degree, dimension));
  return std::make_shared<Polynomials>(dimension, degree);
}

}  // namespace papillon::inline surrogate
