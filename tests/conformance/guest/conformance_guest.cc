#include "conformance_guest.h"

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  using namespace inro::conformance;
  const char* word = argc > 1 ? argv[1] : "";
  char** rest = argc > 1 ? argv + 2 : argv + argc;
  if (std::strcmp(word, "serve") == 0) return ServeScripts();
  if (std::strcmp(word, "notify") == 0) return SendNotification(rest);
  if (std::strcmp(word, "connect") == 0) return Converse(rest);
  if (std::strcmp(word, "answer") == 0) return AnswerOnSockets(rest);
  if (std::strcmp(word, "descriptors") == 0) return ListDescriptors();
  if (std::strcmp(word, "try") == 0) return TryCall(rest);
  if (std::strcmp(word, "ignore") == 0) return IgnoreSignals(rest);
  if (std::strcmp(word, "options") == 0) return PrintOptions(rest);
  if (std::strcmp(word, "store") == 0) return StoreDescriptor(rest);
  if (std::strcmp(word, "stored") == 0) return ReadStored(rest);
  if (std::strcmp(word, "terminal") == 0) return KeepTerminal(rest);
  if (std::strcmp(word, "own-name") == 0) return OwnBusName(rest);
  std::fprintf(stderr, "conformance_guest: unknown word %s\n", word);
  return 2;
}
