// Options that are read only where another option asks for them.
//
//   template <class Self, class Visit>
//   static void options(Self& self, Visit&& visit) {
//     visit("out", self.out, {"directory for results", {}, Role::output});
//     auto stored = where("--out", [&self] { return !self.out.empty(); }, [&self](auto&& visit) {
//       visit("store", self.store, {"cycles whose states are written", closed(0, max_count)});
//     });
//     visit(stored);
//   }
//
// Given without it, they are refused ("it is for --out"); they are in no JSON and no identity then.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "papillon/tensor/options.hpp"

namespace papillon::apps {

template <class List>
struct ConditionalOptions {
  const char* use;
  std::function<bool()> applies;
  List list_options;

  void append_to(std::vector<Option>& list, const std::string& heading) {
    std::size_t i = list.size();
    list_options(OptionVisitor{list, heading});
    for (; i < list.size(); ++i) {
      Option& option = list[i];
      if (option.use.empty())
        option.use = use;
      else if (use[0] == '-')
        option.use = use + (" " + option.use);
      option.applies = [outer = applies, inner = std::move(option.applies)] {
        return outer() && (!inner || inner());
      };
    }
  }
};

// use: what the options are for, in help and messages. applies: whether they are read; it is asked
// as long as the list of options lives. list_options(visitor) lists them.
template <class List>
ConditionalOptions<List> where(const char* use, std::function<bool()> applies, List list_options) {
  return {use, std::move(applies), std::move(list_options)};
}

}  // namespace papillon::apps
