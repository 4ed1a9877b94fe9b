// Any denoising network, as models, trainers and files hold it.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "papillon/nn/frozen.hpp"
#include "papillon/nn/fused/engine.hpp"
#include "papillon/nn/tape_engine.hpp"

namespace papillon {

// A module that maps (x [N, D], one timestep a row) to a prediction [N, D]. It has a `config` of
// whole numbers, listed as a module lists its members, of which state_dim is D; it is made from a
// config and a seed; and it names its `architecture`, for files. It may have `features` [N, H] of
// the same arguments: the values before its last layer.
template <class M>
concept DenoisingModule = Module<M> &&
    std::constructible_from<M, const typename M::Config&, std::uint64_t> &&
    requires(const M& m, const Var<typename M::value_type>& x, const Timesteps& t) {
  { m(x, t) } -> std::same_as<Var<typename M::value_type>>;
  std::size_t{m.config.state_dim};
  std::string(M::architecture);
};

// The numbers of a config by their names.
using NetworkConfig = std::vector<std::pair<std::string, std::size_t>>;

// Features with constant weights, as functions of (x, timesteps) in both precisions.
struct FrozenFeatures {
  std::function<Var<float>(const Var<float>&, const Timesteps&)> in_float;
  std::function<Var<double>(const Var<double>&, const Timesteps&)> in_double;
};

class Network {
 public:
  // A class template of its number type: surrogates compute derivatives in double precision.
  template <template <class> class Module>
  requires DenoisingModule<Module<float>> Network(Module<float> network)
      : held_(std::make_shared<Held<Module>>(std::move(network))) {}

  std::string architecture() const { return held_->architecture(); }
  NetworkConfig config() const { return held_->config(); }
  std::size_t state_dim() const { return held_->state_dim(); }
  StateDict<float> state_dict() const { return held_->state_dict(); }
  std::size_t parameter_count() const;

  // On the tape. features() throws ArgumentError if the network has none.
  Var<float> operator()(const Var<float>& x, const Timesteps& t) const {
    return held_->predict(x, t);
  }
  Var<float> features(const Var<float>& x, const Timesteps& t) const {
    return held_->features(x, t);
  }
  FrozenFeatures frozen_features() const { return held_->frozen_features(); }

  // One of the same architecture and config, with weights of that seed, or these weights (throws
  // InputError if they do not fit).
  Network initialised(std::uint64_t seed) const { return Network(held_->initialised(seed)); }
  Network with(const StateDict<float>& weights) const { return Network(held_->with(weights)); }

  // The fused engine for a network that has a fused_layout(), else the tape.
  std::unique_ptr<DenoisingEngine<float>> engine(std::size_t tile_rows = 256) const {
    return held_->engine(tile_rows);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::string architecture() const = 0;
    virtual NetworkConfig config() const = 0;
    virtual std::size_t state_dim() const = 0;
    virtual StateDict<float> state_dict() const = 0;
    virtual Var<float> predict(const Var<float>& x, const Timesteps& t) const = 0;
    virtual Var<float> features(const Var<float>& x, const Timesteps& t) const = 0;
    virtual FrozenFeatures frozen_features() const = 0;
    virtual std::shared_ptr<const Base> initialised(std::uint64_t seed) const = 0;
    virtual std::shared_ptr<const Base> with(const StateDict<float>& weights) const = 0;
    virtual std::unique_ptr<DenoisingEngine<float>> engine(std::size_t tile_rows) const = 0;
  };
  template <template <class> class Module>
  struct Held;
  explicit Network(std::shared_ptr<const Base> held) : held_(std::move(held)) {}

  std::shared_ptr<const Base> held_;
};

namespace detail {

[[noreturn]] void throw_no_features(const std::string& architecture);

template <class T, class M>
std::function<Var<T>(const Var<T>&, const Timesteps&)> frozen_features(M network) {
  const auto shared = std::make_shared<const M>(std::move(network));
  return [shared](const Var<T>& x, const Timesteps& t) -> Var<T> {
    if constexpr (requires { shared->features(x, t); })
      return shared->features(x, t);
    else
      throw_no_features(M::architecture);
  };
}

// Functions of a module for the tape engine, over parameters of their own.
template <class M>
TapeNetwork<float> tape_network(M network) {
  TapeNetwork<float> tape;
  tape.state_dim = network.config.state_dim;
  std::size_t offset = 0;
  for_each_leaf(network, [&](const std::string& name, auto& leaf) {
    if constexpr (LeafTraits<std::remove_cvref_t<decltype(leaf)>>::trained) {
      if (!leaf.defined()) return;
      leaf = Var<float>::parameter(leaf.value());
      tape.parameters.push_back(leaf);
      tape.entries.push_back({name, offset, leaf.shape()});
      offset += leaf.value().size();
    }
  });
  const auto shared = std::make_shared<const M>(std::move(network));
  tape.predict = [shared](const Var<float>& x, const Timesteps& t) { return (*shared)(x, t); };
  if constexpr (requires(const Var<float>& x, const Timesteps& t) { shared->features(x, t); })
    tape.features = [shared](const Var<float>& x, const Timesteps& t) {
      return shared->features(x, t);
    };
  return tape;
}

}  // namespace detail

template <template <class> class Module>
struct Network::Held final : Network::Base {
  using M = Module<float>;
  explicit Held(M m) : network(std::move(m)) {}

  std::string architecture() const override { return M::architecture; }
  NetworkConfig config() const override {
    NetworkConfig numbers;
    M::Config::members(network.config, [&](const std::string& name, const std::size_t& value) {
      numbers.emplace_back(name, value);
    });
    return numbers;
  }
  std::size_t state_dim() const override { return network.config.state_dim; }
  StateDict<float> state_dict() const override { return papillon::state_dict<float>(network); }
  Var<float> predict(const Var<float>& x, const Timesteps& t) const override {
    return network(x, t);
  }
  Var<float> features(const Var<float>& x, const Timesteps& t) const override {
    if constexpr (requires { network.features(x, t); })
      return network.features(x, t);
    else
      detail::throw_no_features(M::architecture);
  }
  FrozenFeatures frozen_features() const override {
    return {detail::frozen_features<float>(frozen(Module<float>(network.config, 0), network)),
            detail::frozen_features<double>(frozen(Module<double>(network.config, 0), network))};
  }
  std::shared_ptr<const Base> initialised(std::uint64_t seed) const override {
    return std::make_shared<Held>(M(network.config, seed));
  }
  std::shared_ptr<const Base> with(const StateDict<float>& weights) const override {
    auto copy = std::make_shared<Held>(M(network.config, 0));
    load_state_dict<float>(copy->network, weights);
    return copy;
  }
  std::unique_ptr<DenoisingEngine<float>> engine(std::size_t tile_rows) const override {
    if constexpr (requires { network.fused_layout(); })
      return std::make_unique<fused::Engine<float>>(network.fused_layout(), tile_rows);
    else
      return std::make_unique<TapeEngine<float>>(detail::tape_network(network), tile_rows);
  }

  M network;
};

// --- Files ---

// The file is of an architecture that the program does not know.
struct UnknownArchitecture : InputError {
  using InputError::InputError;
};

// Makes an architecture known to read_network(): call it once, before files of it are read. Threads
// may call it at the same time.
void register_network(const std::string& architecture,
                      std::function<Network(const NetworkConfig&)> make);
// Throws InputError unless the names are those of the config's list.
template <class Config>
Config parse_config(const NetworkConfig& numbers);
template <template <class> class Module>
void register_network() {
  register_network(Module<float>::architecture, [](const NetworkConfig& numbers) -> Network {
    return Module<float>(parse_config<typename Module<float>::Config>(numbers), 0);
  });
}

// The config as JSON, for the metadata of a file.
std::string to_json(const NetworkConfig& config);
// The network whose tensors have that prefix in the file. Where no architecture is named, it is the
// paper's, as in files of the reference implementation; its sizes follow from its tensors. Throws
// UnknownArchitecture, and InputError for what does not fit.
Network read_network(const SafetensorsFile& file, const std::string& prefix,
                     const std::string& architecture, const std::string& config);

namespace detail {
std::size_t config_number(const NetworkConfig& numbers, const std::string& name);
}

template <class Config>
Config parse_config(const NetworkConfig& numbers) {
  Config config;
  Config::members(config, [&](const std::string& name, std::size_t& value) {
    value = detail::config_number(numbers, name);
  });
  return config;
}

}  // namespace papillon
