#include "image/source/deb.h"

#include <strings.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace inro::image {
namespace {

constexpr std::string_view kArMagic = "!<arch>\n";
constexpr std::size_t kArHeader = 60;
constexpr std::array<std::string_view, 5> kScripts = {"config", "postinst", "postrm", "preinst",
                                                      "prerm"};

struct Members {
  std::string_view control;
  std::string_view data;
};

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '/')) text.remove_suffix(1);
  return text;
}

// Finds the two tar members of the ar(5) file.
Result<Members> FindMembers(std::string_view bytes, std::string_view name) {
  if (!bytes.starts_with(kArMagic)) return Fail("{}: not a Debian package", name);
  Members members;
  std::size_t at = kArMagic.size();
  while (bytes.size() - at >= kArHeader) {
    const std::string_view header = bytes.substr(at, kArHeader);
    at += kArHeader;
    const std::string_view size_field = TrimRight(header.substr(48, 10));
    std::size_t size = 0;
    const auto [end, error] =
        std::from_chars(size_field.data(), size_field.data() + size_field.size(), size);
    if (header.substr(58) != "`\n" || error != std::errc() ||
        end != size_field.data() + size_field.size() || size > bytes.size() - at) {
      return Fail("{}: malformed or truncated package", name);
    }
    const std::string_view member = TrimRight(header.substr(0, 16));
    if (member.starts_with("control.tar")) members.control = bytes.substr(at, size);
    if (member.starts_with("data.tar")) members.data = bytes.substr(at, size);
    at += size + (size & 1);
    if (at > bytes.size()) break;
  }
  if (members.control.empty() || members.data.empty()) {
    return Fail("{}: a package without control or data member", name);
  }
  return members;
}

Result<> ReadConffiles(std::string_view text, std::string_view name,
                       std::vector<std::string>& conffiles) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = TrimRight(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    // Lines with a flag in front ("remove-on-upgrade /etc/x") name no file of the package.
    if (!line.starts_with('/')) continue;
    auto path = CleanPath(line);
    if (!path) return Fail("{}: refused path {} in conffiles", name, line);
    conffiles.push_back(std::move(*path));
  }
  return {};
}

Result<> ReadControl(std::string_view member, std::string_view name, std::uint64_t limit,
                     Deb& deb) {
  return ReadTarBytes(member, name, limit, [&](ArchiveEntry entry) -> Result<> {
    const std::string_view text = entry.node.content.view();
    if (entry.path == "control") {
      deb.control = text;
      while (deb.control.ends_with('\n')) deb.control.pop_back();
      deb.control += '\n';
    } else if (entry.path == "conffiles") {
      INRO_TRY(ReadConffiles(text, name, deb.conffiles));
    } else if (std::find(kScripts.begin(), kScripts.end(), entry.path) != kScripts.end()) {
      deb.scripts.emplace_back(entry.path, text);
    }
    return {};
  });
}

Result<> AppendMember(std::string& out, std::string_view member_name, std::string_view bytes,
                      std::string_view name, std::uint64_t limit) {
  INRO_ASSIGN(const std::string raw, Decompress(bytes, name, limit));
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context, packed.data(), packed.size(), raw.data(), raw.size());
  ZSTD_freeCCtx(context);
  if (ZSTD_isError(size) != 0) return Fail("{}: {}", name, ZSTD_getErrorName(size));
  out += fmt::format("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", member_name, 0, 0, 0, "100644", size);
  out.append(packed, 0, size);
  if (size % 2 == 1) out += '\n';
  return {};
}

}  // namespace

Result<Deb> ReadDeb(std::string_view bytes, std::string_view name, std::uint64_t limit) {
  INRO_ASSIGN(const Members members, FindMembers(bytes, name));
  Deb deb;
  // Decompressing first and then reading the tar in memory is faster than doing both in small
  // steps.
  INRO_ASSIGN(const std::string control, Decompress(members.control, name, limit));
  INRO_TRY(ReadControl(control, name, limit, deb));
  if (ControlField(deb.control, "Package").empty()) {
    return Fail("{}: a package whose control file names none", name);
  }
  std::sort(deb.scripts.begin(), deb.scripts.end());
  INRO_ASSIGN(const std::string data, Decompress(members.data, name, limit));
  INRO_TRY(ReadTarBytes(data, name, limit, [&](ArchiveEntry entry) -> Result<> {
    deb.entries.push_back(std::move(entry));
    return {};
  }));
  return deb;
}

Result<std::string> RepackDeb(std::string_view bytes, std::string_view name, std::uint64_t limit) {
  INRO_ASSIGN(const Members members, FindMembers(bytes, name));
  std::string out(kArMagic);
  INRO_TRY(AppendMember(out, "control.tar.zst", members.control, name, limit));
  INRO_TRY(AppendMember(out, "data.tar.zst", members.data, name, limit));
  return out;
}

std::string_view ControlField(std::string_view paragraph, std::string_view field) {
  while (!paragraph.empty()) {
    const std::size_t end = std::min(paragraph.find('\n'), paragraph.size());
    std::string_view line = paragraph.substr(0, end);
    paragraph.remove_prefix(std::min(end + 1, paragraph.size()));
    if (line.size() <= field.size() || line[field.size()] != ':' ||
        strncasecmp(line.data(), field.data(), field.size()) != 0) {
      continue;
    }
    line.remove_prefix(field.size() + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    return line;
  }
  return "";
}

}  // namespace inro::image
