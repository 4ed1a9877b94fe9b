#include "papillon/apps/assimilate/inputs.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/hash.hpp"
#include "papillon/tensor/npy.hpp"

namespace papillon::apps {

const Trajectories& Inputs::trajectories(const std::string& path, std::size_t dimension) {
  std::unique_ptr<Trajectories>& kept = trajectories_[path];
  if (!kept) {
    States read = read_states(path);
    const StateLayout layout = read.layout;
    Climatology climate = climatology(read.values);
    kept = std::make_unique<Trajectories>(
        Trajectories{std::make_shared<const Tensor<float>>(
                         std::move(read.values)
                             .reshaped({static_cast<std::ptrdiff_t>(layout.members),
                                        static_cast<std::ptrdiff_t>(layout.times),
                                        static_cast<std::ptrdiff_t>(layout.dimension)})),
                     layout.dt, std::move(climate)});
  }
  if (kept->climate.dimension() != dimension)
    throw InputError(fmt::format("{}: states have {} components; the system has {}", path,
                                 kept->climate.dimension(), dimension));
  return *kept;
}

std::shared_ptr<const DiffusionModel> Inputs::model(const std::string& path,
                                                    std::size_t dimension) {
  auto& kept = models_[path];
  if (!kept) kept = std::make_shared<const DiffusionModel>(load_model(path));
  if (kept->normalisation.dimension() != dimension)
    throw InputError(fmt::format("{}: a model of {} components; the system has {}", path,
                                 kept->normalisation.dimension(), dimension));
  return kept;
}

std::shared_ptr<const Surrogate> Inputs::surrogate(const std::string& path, std::size_t dimension) {
  auto& kept = surrogates_[path];
  if (!kept) kept = std::make_shared<const Surrogate>(load_surrogate(path));
  if (kept->dimension() != dimension)
    throw InputError(fmt::format("{}: a surrogate of {} components; the system has {}", path,
                                 kept->dimension(), dimension));
  return kept;
}

std::string Inputs::digest(const std::string& path) {
  std::string& kept = digests_[path];
  if (!kept.empty()) return kept;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> block(std::size_t{1} << 20);
  Fnv1a hash;
  std::uint64_t bytes = 0;
  while (file) {
    std::fill(block.begin(), block.end(), '\0');
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto got = static_cast<std::size_t>(file.gcount());
    for (std::size_t at = 0; at < got; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, block.data() + at, 8);
      hash.add(word);
      hash.value ^= hash.value >> 29;
    }
    bytes += got;
  }
  return kept = fmt::format("{:016x}-{}", hash.value, bytes);
}

Tensor<double> read_matrix(const std::string& path, std::size_t rows, std::size_t columns) {
  Tensor<double> matrix = read_npy<double>(path);
  const auto fits = [](std::size_t wanted, std::size_t is) { return wanted == 0 || wanted == is; };
  if (matrix.rank() != 2 || !fits(rows, matrix.extent(0)) || !fits(columns, matrix.extent(1)))
    throw InputError(fmt::format("{}: has shape {}; should be [{}, {}]", path,
                                 to_string(matrix.shape()), rows ? std::to_string(rows) : "any",
                                 columns ? std::to_string(columns) : "any"));
  if (!all_finite(matrix)) throw InputError(fmt::format("{}: an element is not finite", path));
  return matrix;
}

Tensor<double> checked_covariance(Tensor<double> covariance, const std::string& origin) {
  try {
    covariance_factor(covariance, origin);
  } catch (const Error& error) {
    throw InputError(error.what());
  }
  return covariance;
}

Tensor<double> read_covariance(const std::string& path, std::size_t n) {
  if (std::filesystem::path(path).extension() != ".json")
    return checked_covariance(read_matrix(path, n, n), path + ": the covariance");
  std::ifstream file(path);
  if (!file) throw InputError(fmt::format("{}: no such file", path));
  nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (json.is_object() && json.contains("results")) json = json["results"];
  Tensor<double> covariance(Shape{n, n});
  const auto fail = [&] {
    throw InputError(
        fmt::format("{}: has no background_covariance of {} x {} numbers", path, n, n));
  };
  if (!json.is_object() || !json.contains("background_covariance")) fail();
  const nlohmann::json& rows = json["background_covariance"];
  if (!rows.is_array() || rows.size() != n) fail();
  for (std::size_t i = 0; i < n; ++i) {
    if (!rows[i].is_array() || rows[i].size() != n) fail();
    for (std::size_t j = 0; j < n; ++j) {
      if (!rows[i][j].is_number()) fail();
      covariance[i * n + j] = rows[i][j].get<double>();
    }
  }
  return checked_covariance(std::move(covariance), path + ": background_covariance");
}

}  // namespace papillon::apps
