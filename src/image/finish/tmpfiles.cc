#include "image/finish/tmpfiles.h"

#include <charconv>
#include <map>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr std::string_view kVolatile[] = {"/run", "/dev", "/tmp", "/proc", "/sys", "/var/run"};

// The octal number, without the prefixes "~" (mask) and ":" (only when made).
std::optional<std::uint32_t> ParseMode(std::string_view text) {
  while (text.starts_with('~') || text.starts_with(':')) text.remove_prefix(1);
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 07777) return std::nullopt;
  return mode;
}

std::string Given(std::string_view field) {
  if (field == "-") return "";
  while (field.starts_with(':')) field.remove_prefix(1);
  return std::string(field);
}

Result<> CopyTree(RuleContext& context, std::string_view from, std::string_view to) {
  const auto source = context.tree().Resolve(from);
  if (!source || context.tree().Resolve(to)) return {};
  Tree::Map nodes;
  for (auto at = context.tree().nodes().lower_bound(*source);
       at != context.tree().nodes().end() &&
       (at->first == *source || at->first.starts_with(*source + "/"));
       ++at) {
    nodes.insert(*at);
  }
  for (auto& [path, node] : nodes) {
    INRO_TRY(context.Put(fmt::format("{}{}", to, path.substr(source->size())), node));
  }
  return {};
}

Result<> ApplyLine(RuleContext& context, const TmpfilesLine& line) {
  const std::string path = line.path.substr(1);
  INRO_ASSIGN(const std::uint32_t uid,
              line.user.empty() ? Result<std::uint32_t>(0) : LookUpUser(context.tree(), line.user));
  INRO_ASSIGN(const std::uint32_t gid, line.group.empty()
                                           ? Result<std::uint32_t>(0)
                                           : LookUpGroup(context.tree(), line.group));
  const auto existing = context.tree().Resolve(path);
  switch (line.type) {
    case 'd':
    case 'D':
    case 'v':
    case 'q':
    case 'Q':
      if (existing) {
        if (context.tree().Find(*existing)->type != NodeType::kDirectory) return {};
        if (line.mode) INRO_TRY(context.SetMode(path, *line.mode));
        if (!line.user.empty() || !line.group.empty()) INRO_TRY(context.SetOwner(path, uid, gid));
        return {};
      }
      return context.PutDirectory(path, line.mode.value_or(0755), uid, gid);
    case 'f':
    case 'F': {
      if (existing && !line.plus && line.type == 'f') return {};
      Node node = MakeFile(line.argument, line.mode.value_or(0644));
      node.uid = uid;
      node.gid = gid;
      return context.Put(path, std::move(node));
    }
    case 'L': {
      const std::string target =
          line.argument.empty() ? "/usr/share/factory" + line.path : line.argument;
      const std::string at = context.tree().ResolveParents(path);
      const Node* old = context.tree().Find(at);
      if (old != nullptr && !line.plus) return {};
      if (old != nullptr && old->type == NodeType::kSymlink && old->target == target) return {};
      // Like systemd, only when what the link leads to is there or it is relative.
      if (old != nullptr) context.Remove(at);
      return context.Put(at, MakeSymlink(target));
    }
    case 'C':
      return CopyTree(
          context, line.argument.empty() ? "/usr/share/factory" + line.path : line.argument, path);
    case 'z':
    case 'm':
      if (!existing) return {};
      if (line.mode) INRO_TRY(context.SetMode(path, *line.mode));
      if (!line.user.empty() || !line.group.empty()) INRO_TRY(context.SetOwner(path, uid, gid));
      return {};
    default:
      return {};
  }
}

}  // namespace

Result<std::vector<TmpfilesLine>> ParseTmpfiles(std::string_view text, std::string_view file) {
  std::vector<TmpfilesLine> lines;
  int number = 0;
  for (const std::string_view raw : SplitLines(text)) {
    ++number;
    const std::string_view trimmed = TrimBlanks(raw);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    const std::vector<std::string> words = SplitWords(trimmed);
    TmpfilesLine line;
    line.where = fmt::format("{}:{}", file, number);
    if (words.size() < 2 || words[0].empty())
      return Fail("{}: type or path is missing", line.where);
    line.type = words[0][0];
    for (const char c : std::string_view(words[0]).substr(1)) {
      if (c == '+')
        line.plus = true;
      else if (c == '!')
        line.boot_only = true;
      else if (c == '-')
        line.minus = true;
      else if (c == '^')
        line.credential = true;
      else if (c != '=' && c != '$' && c != '~' && c != '?') {
        return Fail("{}: unknown type {}", line.where, words[0]);
      }
    }
    line.path = words[1];
    if (!line.path.starts_with('/')) return Fail("{}: the path is not absolute", line.where);
    if (words.size() > 2 && words[2] != "-") {
      line.mode = ParseMode(words[2]);
      if (!line.mode) return Fail("{}: no mode: {}", line.where, words[2]);
    }
    if (words.size() > 3) line.user = Given(words[3]);
    if (words.size() > 4) line.group = Given(words[4]);
    for (std::size_t i = 6; i < words.size(); ++i) {
      line.argument += fmt::format("{}{}", i == 6 ? "" : " ", words[i]);
    }
    if (line.argument == "-") line.argument.clear();
    lines.push_back(std::move(line));
  }
  return lines;
}

bool IsBuildTimeLine(const TmpfilesLine& line) {
  if (line.credential || line.boot_only) return false;
  if (std::string_view("dDvqQfFLCzm").find(line.type) == std::string_view::npos) return false;
  if ((line.path + line.argument).find('%') != std::string::npos) return false;
  if (line.path.find_first_of("*?[") != std::string::npos) return false;
  if (!CleanPath(line.path)) return false;
  for (const std::string_view top : kVolatile) {
    if (line.path == top || line.path.starts_with(fmt::format("{}/", top))) return false;
  }
  return line.path != "/";
}

Result<> ApplyTmpfiles(RuleContext& context) {
  std::map<std::string, std::string> files;  // a file in /etc replaces its namesake in /usr/lib
  for (const std::string_view folder : {"usr/lib/tmpfiles.d", "etc/tmpfiles.d"}) {
    for (const auto& [name, node] : context.tree().Children(folder)) {
      if (name.ends_with(".conf")) files[name] = fmt::format("{}/{}", folder, name);
    }
  }
  for (const auto& [name, path] : files) {
    const auto text = context.tree().ReadFile(path);
    if (!text) continue;  // masked
    INRO_ASSIGN(const auto lines, ParseTmpfiles(*text, path));
    for (const TmpfilesLine& line : lines) {
      if (!IsBuildTimeLine(line)) continue;
      if (auto done = ApplyLine(context, line); !done) {
        if (line.minus || done.error().kind() == ErrorKind::kNotFound) {
          context.Note(fmt::format("{}: skipped: {}", line.where, done.error().ToString()));
          continue;
        }
        return std::unexpected(done.error().Wrap(line.where));
      }
    }
  }
  return {};
}

}  // namespace inro::image
