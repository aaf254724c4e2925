#include "image/kernel/module_info.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "image/elf/elf.h"
#include "image/kernel/decompress.h"

namespace inro::image {
namespace {

template <class Use>
void EachField(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (const std::string_view field = text.substr(0, end); !field.empty()) use(field);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// Names of the undefined symbols of a 64-bit file, in the order of its symbol table.
std::vector<std::string> UndefinedSymbols(std::string_view bytes) {
  std::vector<std::string> names;
  const auto table = FindElfSection(bytes, ".symtab");
  const auto texts = FindElfSection(bytes, ".strtab");
  if (!table || !texts) return names;
  for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= table->size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, table->data() + at, sizeof(symbol));
    if (symbol.st_shndx != SHN_UNDEF || symbol.st_name == 0 || symbol.st_name >= texts->size()) {
      continue;
    }
    const std::string_view rest = texts->substr(symbol.st_name);
    names.emplace_back(rest.substr(0, rest.find('\0')));
  }
  return names;
}

}  // namespace

std::string NormalizeModuleName(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '-', '_');
  return text;
}

std::string ModuleNameOf(std::string_view path) {
  std::string_view name = WithoutCompressionSuffix(path);
  if (name.ends_with(".ko")) name.remove_suffix(3);
  const std::size_t slash = name.rfind('/');
  return NormalizeModuleName(slash == std::string_view::npos ? name : name.substr(slash + 1));
}

ModuleInfo ParseModuleInfo(std::string_view section) {
  ModuleInfo info;
  EachField(section, '\0', [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "depends") {
      EachField(value, ',',
                [&](std::string_view name) { info.depends.push_back(NormalizeModuleName(name)); });
    } else if (key == "alias") {
      info.aliases.emplace_back(value);
    } else if (key == "softdep") {
      info.softdeps.emplace_back(value);
      std::vector<std::string>* list = nullptr;
      EachField(value, ' ', [&](std::string_view word) {
        if (word == "pre:")
          list = &info.soft_pre;
        else if (word == "post:")
          list = &info.soft_post;
        else if (list != nullptr)
          list->push_back(NormalizeModuleName(word));
      });
    }
  });
  return info;
}

Result<ModuleInfo> ReadModuleInfo(std::string_view name, std::string_view bytes) {
  const auto section = FindElfSection(bytes, ".modinfo");
  if (!section) return Fail("{} is no kernel module: it has no .modinfo section", name);
  ModuleInfo info = ParseModuleInfo(*section);
  if (const auto symbols = FindElfSection(bytes, "__ksymtab_strings")) {
    EachField(*symbols, '\0', [&](std::string_view symbol) { info.symbols.emplace_back(symbol); });
    std::ranges::sort(info.symbols);
    const auto [first, last] = std::ranges::unique(info.symbols);
    info.symbols.erase(first, last);
  }
  info.needed_symbols = UndefinedSymbols(bytes);
  return info;
}

}  // namespace inro::image
