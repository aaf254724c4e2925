// guest_ports [--here] CID:PORT...
//
// Tries to connect to vsock ports as a container's process would: in pid, mount, network, IPC, UTS
// and cgroup name spaces of its own; with --here in those it was started in. The CID "own" is that
// of the guest. Prints a line for each: "CID:PORT connected", or what the kernel said instead.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

unsigned OwnCid() {
  const int device = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
  unsigned cid = 0;
  if (device < 0 || ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) != 0)
    std::perror("own CID");
  if (device >= 0) close(device);
  return cid;
}

void Try(const char* target, unsigned own_cid) {
  const char* colon = std::strchr(target, ':');
  if (colon == nullptr) return;
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = std::strncmp(target, "own:", 4) == 0
                        ? own_cid
                        : static_cast<unsigned>(std::strtoul(target, nullptr, 10));
  address.svm_port = static_cast<unsigned>(std::strtoul(colon + 1, nullptr, 10));
  const int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    std::printf("%s %s\n", target, std::strerror(errno));
    return;
  }
  const timeval limit{3, 0};
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::printf("%s %s\n", target, std::strerror(errno));
  } else {
    // A listener that does not want this peer closes without a word.
    char byte = 0;
    const ssize_t got = recv(fd, &byte, 1, 0);
    std::printf("%s %s\n", target, got == 0 ? "closed at once" : "connected");
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned own_cid = OwnCid();
  int first = 1;
  if (argc > 1 && std::strcmp(argv[1], "--here") == 0) {
    first = 2;
  } else if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                     CLONE_NEWCGROUP) != 0) {
    std::perror("make name spaces");
    return 1;
  }
  const pid_t child = fork();  // a pid name space begins with the next process
  if (child == 0) {
    for (int i = first; i < argc; ++i) Try(argv[i], own_cid);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
