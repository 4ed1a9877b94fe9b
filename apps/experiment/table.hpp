// One list of columns makes the table for people and the CSV file.
//
//   const std::vector<Column<Row>> columns = {
//       text_column<Row>("run", "name", [](const Row& r) { return r.name; }),
//       measured_column<Row>("nRMSE", "nrmse", [](const Row& r) { return Measured{...}; })};
//   write_file_atomically(out / "table.csv", csv(columns, rows));
//   fmt::print("{}", aligned(columns, rows));
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "papillon/apps/numbers.hpp"

namespace papillon::apps {

// A number and its standard error; NaN: not defined. In CSV they are two columns, NAME and NAME_se.
struct Measured {
  double value = std::nan(""), error = std::nan("");
};

template <class Row>
struct Column {
  std::string heading;  // of the table for people; empty: in CSV alone
  std::string name;     // of CSV; empty: for people alone
  std::function<std::string(const Row&)> text;
  std::function<std::string(const Row&)> cells;  // of CSV, with commas
  bool left = false;
};

// A text as CSV has it where it may hold commas.
std::string csv_quoted(std::string text);
// Lines of cells below each other, columns aligned, each line trimmed.
std::string aligned_lines(const std::vector<std::vector<std::string>>& lines,
                          const std::vector<bool>& left);

template <class Row, class Get>
Column<Row> text_column(std::string heading, std::string name, Get get, bool quoted = false) {
  return {std::move(heading), std::move(name), get,
          [get, quoted](const Row& row) { return quoted ? csv_quoted(get(row)) : get(row); }, true};
}
template <class Row, class Get>
Column<Row> number_column(std::string heading, std::string name, Get get,
                          const char* format = "{:.4f}", const char* csv_format = "{:.6g}") {
  return {std::move(heading), std::move(name),
          [get, format](const Row& row) { return number_text(get(row), format); },
          [get, csv_format](const Row& row) { return number_text(get(row), csv_format); }};
}
// unit: after the number, for people. Nothing is shown of a value that is not defined, but "n/a" if
// the row is to have one.
template <class Row, class Get>
Column<Row> measured_column(std::string heading, const std::string& name, Get get,
                            const char* format = "{:.4f}", const char* unit = "",
                            const char* missing = "n/a") {
  Column<Row> column{std::move(heading), {}, {}, {}};
  if (!name.empty()) column.name = name + "," + name + "_se";
  column.text = [=](const Row& row) -> std::string {
    const Measured m = get(row);
    if (!std::isfinite(m.value)) return missing;
    std::string error = number_text(m.error, format);
    std::erase(error, '+');
    return with_error(number_text(m.value, format), error) + unit;
  };
  column.cells = [get](const Row& row) {
    const Measured m = get(row);
    return number_text(m.value) + "," + number_text(m.error);
  };
  return column;
}

template <class Row>
std::string csv(const std::vector<Column<Row>>& columns, std::span<const Row> rows) {
  std::string head, text;
  for (const Column<Row>& c : columns)
    if (!c.name.empty()) head += (head.empty() ? "" : ",") + c.name;
  for (const Row& row : rows) {
    std::string line;
    for (const Column<Row>& c : columns)
      if (!c.name.empty()) line += c.cells(row) + ",";
    if (!line.empty()) line.back() = '\n';
    text += line;
  }
  return head + "\n" + text;
}

// Columns in which no row has anything are left out. note(row): what stands at the end of its line.
template <class Row>
std::string aligned(const std::vector<Column<Row>>& columns, std::span<const Row> rows,
                    const std::function<std::string(const Row&)>& note = {}) {
  std::vector<std::vector<std::string>> lines(rows.size() + 1);
  std::vector<bool> left;
  for (const Column<Row>& c : columns) {
    if (c.heading.empty()) continue;
    std::vector<std::string> cells;
    for (const Row& row : rows) cells.push_back(c.text(row));
    if (std::all_of(cells.begin(), cells.end(), [](auto& cell) { return cell.empty(); })) continue;
    left.push_back(c.left);
    lines[0].push_back(c.heading);
    for (std::size_t i = 0; i < rows.size(); ++i) lines[i + 1].push_back(std::move(cells[i]));
  }
  left.push_back(true);
  lines[0].emplace_back();
  for (std::size_t i = 0; i < rows.size(); ++i)
    lines[i + 1].push_back(note ? note(rows[i]) : std::string());
  return aligned_lines(lines, left);
}

// As a table of Markdown.
template <class Row>
std::string markdown(const std::vector<Column<Row>>& columns, std::span<const Row> rows) {
  std::string head = "|", rule = "|", text;
  for (const Column<Row>& c : columns) {
    if (c.heading.empty()) continue;
    head.append(" ").append(c.heading).append(" |");
    rule += "---|";
  }
  for (const Row& row : rows) {
    text += "|";
    for (const Column<Row>& c : columns)
      if (!c.heading.empty()) text.append(" ").append(c.text(row)).append(" |");
    text += "\n";
  }
  return head + "\n" + rule + "\n" + text;
}

}  // namespace papillon::apps
