// Names of the values of an enumeration, listed once beside it:
//
//   enum class Shade { light, dark };
//   constexpr auto enum_names(Shade) { return std::array{"light", "dark"}; }  // in their order
//
// to_string, parse_enum and the choices of command lines come from that list.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "papillon/tensor/errors.hpp"

namespace papillon {

template <class E>
concept NamedEnum = requires(E e) {
  enum_names(e).size();
};

// The name of a value.
template <NamedEnum E>
std::string to_string(E value) {
  return enum_names(value)[static_cast<std::size_t>(value)];
}

// what: of the message, "pointwise function". Throws ArgumentError that lists the names.
template <NamedEnum E>
E parse_enum(std::string_view name, const std::string& what) {
  constexpr auto names = enum_names(E{});
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<E>(i);
    list += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  throw ArgumentError(what + " '" + std::string(name) + "' is unknown; must be one of " + list);
}

}  // namespace papillon
