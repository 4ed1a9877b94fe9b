// Things that are chosen by name (a method, a sampler, a system), each registered once with its
// options and how it is made; names, choices, help and which option is for which follow.
//
//   Registry<MethodPointer(const MethodInputs&)> methods;
//   methods.add<LetkfOptions>("letkf", [](const LetkfOptions& o, const MethodInputs& inputs)
//   {...});
//
//   Choice method(methods, "method", "how observations are used", "letkf");
//   append_options(list, method);          // --method, and the options of all methods
//   ... method.make(inputs) ...            // the chosen one, with its options
#pragma once

#include <memory>

#include "papillon/tensor/options.hpp"

namespace papillon {

template <class Signature>
class Registry;

// Of an entry that has none.
struct NoOptions {
  template <class Self, class Visit>
  static void options(Self&, Visit&&) {}
};

template <class Product, class... Arguments>
class Registry<Product(Arguments...)> {
 public:
  // An entry with values of its options.
  struct Settings {
    virtual ~Settings() = default;
    // As Choice::append_to(); the product; a copy.
    virtual void append_to(std::vector<Option>& list, const std::string& heading) = 0;
    virtual Product make(Arguments... arguments) const = 0;
    virtual std::unique_ptr<Settings> clone() const = 0;
  };
  // A name, and what it stands for with the default values of its options.
  struct Entry {
    std::string name;                          // as users choose it
    std::shared_ptr<const Settings> defaults;  // of its options
  };

  // make(const O&, arguments...) -> Product. Throws ArgumentError for a name that is there.
  template <Options O, class Make>
  Registry& add(const std::string& name, Make make, O defaults = {}) {
    for (const Entry& entry : entries_)
      if (entry.name == name) throw ArgumentError("'" + name + "' is registered twice");
    entries_.push_back({name, std::make_shared<Typed<O, Make>>(std::move(defaults), make)});
    return *this;
  }
  // In the order in which they were added.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  template <Options O, class Make>
  struct Typed final : Settings {
    Typed(O o, Make m) : options(std::move(o)), make_product(std::move(m)) {}
    void append_to(std::vector<Option>& list, const std::string& heading) override {
      append_options(list, options, heading);
    }
    Product make(Arguments... arguments) const override {
      return make_product(options, static_cast<Arguments&&>(arguments)...);
    }
    std::unique_ptr<Settings> clone() const override {
      return std::make_unique<Typed>(options, make_product);
    }
    O options;
    Make make_product;
  };

  std::vector<Entry> entries_;
};

template <class Signature>
class Choice;

// The name of a registry's entry as an option, and the options of all entries, those of one name
// with one value. An option applies where its entry is the chosen one.
template <class Product, class... Arguments>
class Choice<Product(Arguments...)> {
 public:
  // The registry that is chosen from.
  using Source = Registry<Product(Arguments...)>;

  // option: "method". Throws ArgumentError for a name that is not registered.
  Choice(const Source& registry, std::string option, const char* help, std::string chosen,
         Role role = Role::setting)
      : option_(std::move(option)), help_(help), role_(role), chosen_(std::move(chosen)) {
    for (const auto& entry : registry.entries())
      entries_.push_back({entry.name, entry.defaults->clone()});
    selected();
  }
  // Copies have options of their own.
  Choice(const Choice& other)
      : option_(other.option_), help_(other.help_), role_(other.role_), chosen_(other.chosen_) {
    for (const Entry& entry : other.entries_)
      entries_.push_back({entry.name, entry.settings->clone()});
  }
  // Moves and assigns the options too.
  Choice(Choice&&) noexcept = default;
  Choice& operator=(Choice other) noexcept {
    std::swap(option_, other.option_);
    std::swap(help_, other.help_);
    std::swap(role_, other.role_);
    std::swap(chosen_, other.chosen_);
    std::swap(entries_, other.entries_);
    return *this;
  }

  // The name of the chosen entry.
  const std::string& name() const { return chosen_; }
  // Of the chosen entry, with the options as they are. Throws what it throws.
  Product make(Arguments... arguments) const {
    return selected().make(static_cast<Arguments&&>(arguments)...);
  }

  // The list refers to this object until it is moved or destroyed.
  void append_to(std::vector<Option>& list, const std::string& heading) {
    OptionInfo info{help_};
    info.role = role_;
    for (const Entry& entry : entries_) info.choices.push_back(entry.name);
    OptionVisitor{list, heading}(option_.c_str(), chosen_, std::move(info));
    list.back().selects = true;
    for (Entry& entry : entries_) {
      const std::size_t first = list.size();
      entry.settings->append_to(list, heading);
      restrict_use(list, first, {"--" + option_ + " " + entry.name, [this, name = entry.name] {
                                   return chosen_ == name;
                                 }});
    }
  }

 private:
  struct Entry {
    std::string name;
    std::unique_ptr<typename Source::Settings> settings;
  };
  const typename Source::Settings& selected() const {
    for (const Entry& entry : entries_)
      if (entry.name == chosen_) return *entry.settings;
    throw ArgumentError("--" + option_ + " '" + chosen_ + "' is not registered");
  }

  std::string option_;
  const char* help_;
  Role role_;
  std::string chosen_;
  std::vector<Entry> entries_;
};

// Deduces the signature.
template <class Signature>
Choice(const Registry<Signature>&, std::string, const char*, std::string, Role = Role::setting)
    -> Choice<Signature>;

}  // namespace papillon
