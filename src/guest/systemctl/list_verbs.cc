// Verbs that list: units, unit files, dependencies, sockets, timers, jobs.
#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "guest/systemctl/context.h"
#include "sys/file.h"
#include "unit/install.h"
#include "unit/text.h"

namespace inro::guest::systemctl {
namespace {

using Cells = std::vector<std::string>;

// Columns as wide as their widest cell; the last one is not filled up.
void PrintTable(const Context& context, const Cells& header, const std::vector<Cells>& rows,
                std::string_view foot) {
  std::vector<std::size_t> widths(header.size(), 0);
  const bool legend = !context.options.no_legend;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (legend) widths[i] = header[i].size();
    for (const Cells& row : rows) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto line = [&](const Cells& cells) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += i + 1 == cells.size() ? cells[i] : fmt::format("{:<{}} ", cells[i], widths[i]);
    }
    Print(text + "\n");
  };
  if (legend) line(header);
  for (const Cells& row : rows) line(row);
  if (legend) Printf("\n{} {} listed.\n", rows.size(), foot);
}

bool Matches(const Context& context, const std::string& name, std::size_t first) {
  if (context.words.size() <= first) return true;
  for (std::size_t i = first; i < context.words.size(); ++i) {
    if (::fnmatch(CompleteName(context.words[i]).c_str(), name.c_str(), FNM_NOESCAPE) == 0) {
      return true;
    }
  }
  return false;
}

std::string KindOf(const std::string& name) { return name.substr(name.rfind('.') + 1); }

bool TypeWanted(const Options& options, const std::string& name) {
  return options.types.empty() || std::ranges::count(options.types, KindOf(name)) > 0;
}

std::string_view LoadWord(const unit::Unit* unit) {
  if (unit == nullptr) return "not-found";
  constexpr std::string_view kWords[] = {"loaded", "not-found", "masked", "bad-setting"};
  return kWords[static_cast<std::size_t>(unit->state)];
}

void Tree(Context& context, const std::string& name, const std::string& indent,
          std::set<std::string>& path) {
  const unit::Unit* unit = context.loader().Load(name);
  if (unit == nullptr) return;
  std::set<std::string> next;
  if (context.options.reverse) {
    for (const auto& [known, row] : context.rows()) {
      const unit::Unit* other = context.loader().Load(known);
      if (other == nullptr) continue;
      for (const auto* list :
           {&other->requires_, &other->requisite, &other->wants, &other->binds_to}) {
        if (std::ranges::count(*list, name) > 0) next.insert(known);
      }
    }
  } else {
    for (const auto* list :
         {&unit->requires_, &unit->requisite, &unit->wants, &unit->binds_to, &unit->upholds}) {
      for (const std::string& other : *list) next.insert(context.loader().ResolveAlias(other));
    }
  }
  for (const std::string& other : next) {
    const bool last = other == *next.rbegin();
    const Row row = context.RowOf(other);
    if (context.options.plain) {
      Printf("{}  {}\n", indent, other);
    } else {
      const std::string_view mark = row.active == "active"   ? "●"
                                    : row.active == "failed" ? "×"
                                                             : "○";
      Printf("{} {}{}{}\n", mark, indent, last ? "└─" : "├─", other);
    }
    // Targets are opened, and with --all everything; a circle is not followed.
    const bool open = context.options.all || other.ends_with(".target");
    if (!open || !path.insert(other).second) continue;
    Tree(context, other, indent + (context.options.plain ? "  " : last ? "  " : "│ "), path);
    path.erase(other);
  }
}

std::vector<std::vector<std::string>> ReadTsv(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  const std::string text = sys::ReadFile(path, 4 << 20).value_or("");
  std::string_view rest = text;
  bool head = true;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (std::exchange(head, false)) continue;
    std::vector<std::string>& row = rows.emplace_back();
    while (true) {
      const std::size_t tab = line.find('\t');
      row.emplace_back(line.substr(0, tab));
      if (tab == line.npos) break;
      line.remove_prefix(tab + 1);
    }
  }
  return rows;
}

}  // namespace

int RunListUnits(Context& context) {
  const Options& options = context.options;
  std::vector<Cells> rows;
  for (const auto& [name, row] : context.rows()) {
    if (!TypeWanted(options, name) || !Matches(context, name, 1)) continue;
    const unit::Unit* unit = context.loader().Load(name);
    const std::string load(LoadWord(unit));
    if (!options.states.empty()) {
      const bool wanted = std::ranges::any_of(options.states, [&](const std::string& state) {
        return state == row.active || state == row.sub || state == load;
      });
      if (!wanted) continue;
    } else if (!options.all && row.active == "inactive" && row.job.empty()) {
      continue;
    }
    const std::string_view mark = options.plain ? "" : row.active == "failed" ? "* " : "  ";
    rows.push_back({std::string(mark) + name, load, row.active, row.sub,
                    unit == nullptr || unit->description.empty() ? name : unit->description});
  }
  PrintTable(context, {options.plain ? "UNIT" : "  UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION"},
             rows, "loaded units");
  return kSuccess;
}

int RunListUnitFiles(Context& context) {
  std::vector<Cells> rows;
  const auto presets = unit::Presets::Read(context.files);
  for (const std::string& name : context.loader().ListNames()) {
    if (!TypeWanted(context.options, name) || !Matches(context, name, 1)) continue;
    const std::string state(unit::UnitFileState(context.files, name, context.search_path));
    if (!context.options.states.empty() && std::ranges::count(context.options.states, state) == 0) {
      continue;
    }
    const bool installs = state == "enabled" || state == "disabled";
    const auto action = presets.For(name).action;
    rows.push_back({name, state,
                    !installs                                   ? "-"
                    : action == unit::Presets::Action::kDisable ? "disabled"
                                                                : "enabled"});
  }
  PrintTable(context, {"UNIT FILE", "STATE", "PRESET"}, rows, "unit files");
  return kSuccess;
}

int RunListDependencies(Context& context) {
  auto names = context.Names(1, false);
  if (names.empty()) names = {"default.target"};
  for (const std::string& name : names) {
    const std::string real = context.loader().ResolveAlias(name);
    Print(real + "\n");
    std::set<std::string> path{real};
    Tree(context, real, "", path);
  }
  return kSuccess;
}

int RunListSockets(Context& context) {
  std::vector<Cells> rows;
  for (const auto& [name, row] : context.rows()) {
    if (!name.ends_with(".socket") || !Matches(context, name, 1)) continue;
    if (row.active != "active" && !context.options.all) continue;
    const unit::Unit* unit = context.loader().Load(name);
    if (unit == nullptr || !unit->socket) continue;
    for (const unit::ListenSetting& listen : unit->socket->listen) {
      rows.push_back({listen.address, name, unit->triggers.empty() ? "" : unit->triggers.front()});
    }
  }
  std::ranges::sort(rows);
  PrintTable(context, {"LISTEN", "UNIT", "ACTIVATES"}, rows, "sockets");
  return kSuccess;
}

int RunListTimers(Context& context) {
  static_cast<void>(context.rows());
  std::vector<Cells> rows;
  const std::uint64_t now = MonotonicNow();
  const auto timers = ReadTsv(context.run_folder + "/timers.tsv");
  for (const auto& timer : timers) {
    if (timer.size() < 4 || !Matches(context, timer[0], 1)) continue;
    const auto next = unit::ParseNumber<std::uint64_t>(timer[2]).value_or(0);
    const auto last = unit::ParseNumber<std::uint64_t>(timer[3]).value_or(0);
    rows.push_back({next == 0 ? "-" : WallText(next),
                    next == 0 ? "-" : SpanText(next > now ? next - now : 0) + " left",
                    last == 0 ? "-" : WallText(last),
                    last == 0 ? "-" : SpanText(now > last ? now - last : 0) + " ago", timer[0],
                    timer[1]});
  }
  PrintTable(context, {"NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES"}, rows, "timers");
  return kSuccess;
}

int RunListJobs(Context& context) {
  std::vector<Cells> rows;
  for (const auto& [name, row] : context.rows()) {
    if (row.job.empty() || !Matches(context, name, 1)) continue;
    rows.push_back({row.job_id, name, row.job, row.job_state});
  }
  if (rows.empty()) {
    if (!context.options.no_legend) Print("No jobs running.\n");
    return kSuccess;
  }
  PrintTable(context, {"JOB", "UNIT", "TYPE", "STATE"}, rows, "jobs");
  return kSuccess;
}

}  // namespace inro::guest::systemctl
