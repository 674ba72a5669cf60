/*
 * A disk that forgets what was not synced, as an LD_PRELOAD library for tests.
 *
 * What a process writes to regular files under POWERLOSS_DIR stays in its memory, where its own reads see it,
 * and reaches the real file only by fsync or fdatasync of that file. So `kill -9` does to the files what the
 * loss of power does: whatever was not synced is gone.
 *
 *   POWERLOSS_DIR      the directory; files below it are volatile. Those ending in -shm are left alone: they are
 *                      mapped, and SQLite makes them anew after a crash.
 *   POWERLOSS_LEAK     0 to 100: how many of a hundred written pages reach the disk at once all the same, in no
 *                      order, as a kernel's write-back may have it. Default 0.
 *   POWERLOSS_CONTROL  a file with the faults of the moment, one a line; empty or missing means none:
 *                      fsync=hang    fsync waits until the line is gone
 *                      fsync=eio     fsync fails with EIO, and what it should have written counts as clean:
 *                                    readable, never on the disk unless it is written again
 *                      write=enospc  writes and growing truncations fail with ENOSPC
 *                      write=erofs   writes, creations, renames, removals and opening for writing fail with EROFS
 *
 * Creations, renames and removals of names are immediate and durable, whether the directory is synced or not.
 * The contents of a file that was renamed but never synced are lost all the same. Other processes see the disk,
 * not this memory. copy_file_range and sendfile of a volatile file fail with EINVAL, so that callers fall back
 * to reading and writing. Files are told apart by device and inode, so duplicated descriptors need no care;
 * each one that was ever opened is kept open, so that no inode is used twice.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define BUCKETS 4096

/* A page that differs from the disk. `clean` is one whose sync failed: readable, but no longer to be written. */
struct page {
    struct page *next;
    uint64_t number;
    int clean;
    unsigned char bytes[PAGE];
};

struct file {
    struct file *next;
    dev_t dev;
    ino_t ino;
    int fd;
    off_t size;
    int resized;
    struct page *pages[BUCKETS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static char root[PATH_MAX];
static size_t root_length;
static const char *control;
static int leak;

__attribute__((constructor)) static void start(void) {
    const char *dir = getenv("POWERLOSS_DIR");
    if (dir != NULL && realpath(dir, root) != NULL)
        root_length = strlen(root);
    control = getenv("POWERLOSS_CONTROL");
    const char *percent = getenv("POWERLOSS_LEAK");
    leak = percent != NULL ? atoi(percent) : 0;
    srandom((unsigned)getpid() ^ (unsigned)time(NULL));
}

/* The kernel itself, past this library and the C library alike. */
static ssize_t real_pread(int fd, void *to, size_t n, off_t at) { return syscall(SYS_pread64, fd, to, n, at); }
static ssize_t real_pwrite(int fd, const void *from, size_t n, off_t at) { return syscall(SYS_pwrite64, fd, from, n, at); }
static off_t real_lseek(int fd, off_t at, int whence) { return syscall(SYS_lseek, fd, at, whence); }
static int real_ftruncate(int fd, off_t size) { return (int)syscall(SYS_ftruncate, fd, size); }
static int real_fstat(int fd, struct stat *st) { return (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH); }

static int fault(const char *line) {
    char text[256];
    if (root_length == 0 || control == NULL)
        return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    text[n > 0 ? n : 0] = 0;
    return strstr(text, line) != NULL;
}

static int below_root(const char *path) {
    return root_length > 0 && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

/* Is this name, which need not be there yet, one in the directory? */
static int name_below_root(int dirfd, const char *path) {
    char joined[2 * PATH_MAX], dir[PATH_MAX], link[64];
    if (root_length == 0)
        return 0;
    if (path[0] != '/' && dirfd != AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
        ssize_t n = readlink(link, dir, sizeof dir - 1);
        if (n < 0)
            return 0;
        dir[n] = 0;
        snprintf(joined, sizeof joined, "%s/%s", dir, path);
    } else {
        snprintf(joined, sizeof joined, "%s", path);
    }
    if (realpath(joined, dir) != NULL)
        return below_root(dir);
    char *slash = strrchr(joined, '/');
    if (slash == NULL)
        strcpy(joined, ".");
    else
        slash[slash == joined ? 1 : 0] = 0;
    return realpath(joined, dir) != NULL && below_root(dir);
}

static int read_only_name(int dirfd, const char *path) {
    return root_length > 0 && fault("write=erofs") && name_below_root(dirfd, path);
}

static struct file *find(dev_t dev, ino_t ino) {
    for (struct file *f = files; f != NULL; f = f->next)
        if (f->dev == dev && f->ino == ino)
            return f;
    return NULL;
}

/* The volatile file behind a descriptor, if it is one. To be called with the lock held. */
static struct file *file_of(int fd) {
    struct stat st;
    if (files == NULL || real_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    return find(st.st_dev, st.st_ino);
}

static void track(int fd) {
    char link[64], path[PATH_MAX];
    struct stat st;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return;
    path[n] = 0;
    if (!below_root(path) || (n > 4 && strcmp(path + n - 4, "-shm") == 0))
        return;
    if (real_fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || find(st.st_dev, st.st_ino) != NULL)
        return;
    struct file *f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    f->fd = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC);
    if (f->fd < 0) {
        free(f);
        return;
    }
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->size = st.st_size;
    f->next = files;
    files = f;
}

static struct page *page_of(struct file *f, uint64_t number) {
    for (struct page *p = f->pages[number % BUCKETS]; p != NULL; p = p->next)
        if (p->number == number)
            return p;
    return NULL;
}

static void to_disk(struct file *f, struct page *p) {
    off_t at = (off_t)(p->number * PAGE);
    if (at < f->size) {
        size_t n = f->size - at < PAGE ? (size_t)(f->size - at) : PAGE;
        if (real_pwrite(f->fd, p->bytes, n, at) != (ssize_t)n)
            abort();
    }
}

static struct page *page_to_write(struct file *f, uint64_t number) {
    struct page *p = page_of(f, number);
    if (p == NULL) {
        p = calloc(1, sizeof *p);
        if (p == NULL)
            abort();
        p->number = number;
        if (real_pread(f->fd, p->bytes, PAGE, (off_t)(number * PAGE)) < 0)
            abort();
        p->next = f->pages[number % BUCKETS];
        f->pages[number % BUCKETS] = p;
    }
    p->clean = 0;
    return p;
}

static ssize_t volatile_read(struct file *f, void *to, size_t n, off_t at) {
    if (at >= f->size)
        return 0;
    if ((off_t)n > f->size - at)
        n = (size_t)(f->size - at);
    memset(to, 0, n);
    if (real_pread(f->fd, to, n, at) < 0)
        return -1;
    for (uint64_t number = (uint64_t)at / PAGE; number * PAGE < (uint64_t)at + n; number++) {
        struct page *p = page_of(f, number);
        if (p == NULL)
            continue;
        off_t begin = (off_t)(number * PAGE), end = begin + PAGE;
        off_t from = begin > at ? begin : at, until = end < at + (off_t)n ? end : at + (off_t)n;
        memcpy((char *)to + (from - at), p->bytes + (from - begin), (size_t)(until - from));
    }
    return (ssize_t)n;
}

static ssize_t volatile_write(struct file *f, const void *from, size_t n, off_t at) {
    if (fault("write=enospc")) {
        errno = ENOSPC;
        return -1;
    }
    if (fault("write=erofs")) {
        errno = EROFS;
        return -1;
    }
    if (at + (off_t)n > f->size) {
        f->size = at + (off_t)n;
        f->resized = 1;
    }
    for (size_t done = 0; done < n;) {
        uint64_t number = ((uint64_t)at + done) / PAGE;
        size_t offset = ((uint64_t)at + done) % PAGE;
        size_t part = n - done < PAGE - offset ? n - done : PAGE - offset;
        struct page *p = page_to_write(f, number);
        memcpy(p->bytes + offset, (const char *)from + done, part);
        if (leak > 0 && random() % 100 < leak)
            to_disk(f, p);
        done += part;
    }
    return (ssize_t)n;
}

static int volatile_truncate(struct file *f, off_t size) {
    if (fault("write=erofs") || (size > f->size && fault("write=enospc"))) {
        errno = fault("write=erofs") ? EROFS : ENOSPC;
        return -1;
    }
    /* What lay beyond the new end reads as nothing, should the file grow again. */
    if (size < f->size) {
        for (uint64_t number = (uint64_t)size / PAGE; number * PAGE < (uint64_t)f->size; number++) {
            struct page *p = page_to_write(f, number);
            size_t keep = (off_t)(number * PAGE) < size ? (size_t)(size - (off_t)(number * PAGE)) : 0;
            memset(p->bytes + keep, 0, PAGE - keep);
        }
    }
    f->size = size;
    f->resized = 1;
    return 0;
}

static int volatile_sync(int fd) {
    /* A sync that hangs holds nobody else up, so the lock is not taken for it. */
    pthread_mutex_lock(&lock);
    struct file *f = file_of(fd);
    pthread_mutex_unlock(&lock);
    if (f == NULL)
        return (int)syscall(SYS_fsync, fd);
    while (fault("fsync=hang"))
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    int failed = fault("fsync=eio");
    pthread_mutex_lock(&lock);
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        struct page **link = &f->pages[bucket];
        while (*link != NULL) {
            struct page *p = *link;
            if (failed)
                p->clean = 1;
            if (failed || p->clean) {
                link = &p->next;
                continue;
            }
            to_disk(f, p);
            *link = p->next;
            free(p);
        }
    }
    if (f->resized && !failed) {
        if (real_ftruncate(f->fd, f->size) != 0)
            abort();
        f->resized = 0;
    }
    pthread_mutex_unlock(&lock);
    /* The process dies, not the machine: the page cache is as good as the disk, and much faster. */
    if (failed)
        errno = EIO;
    return failed ? -1 : 0;
}

#define WITH_FILE(fd, result, expression)      \
    do {                                       \
        pthread_mutex_lock(&lock);             \
        struct file *f = file_of(fd);          \
        if (f != NULL) {                       \
            result = (expression);             \
            pthread_mutex_unlock(&lock);       \
            return result;                     \
        }                                      \
        pthread_mutex_unlock(&lock);           \
    } while (0)

static int open_any(int dirfd, const char *path, int flags, mode_t mode) {
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
    if (root_length == 0 || (flags & O_PATH) == O_PATH || (flags & O_TMPFILE) == O_TMPFILE)
        return (int)syscall(SYS_openat, dirfd, path, flags, mode);
    if (writes && read_only_name(dirfd, path)) {
        errno = EROFS;
        return -1;
    }
    /* A truncation is as volatile as a write. */
    int fd = (int)syscall(SYS_openat, dirfd, path, flags & ~O_TRUNC, mode);
    if (fd < 0)
        return fd;
    pthread_mutex_lock(&lock);
    track(fd);
    struct file *f = file_of(fd);
    if ((flags & O_TRUNC) != 0) {
        if (f != NULL)
            volatile_truncate(f, 0);
        else
            real_ftruncate(fd, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN_MODE(flags)                                     \
    mode_t mode = 0;                                         \
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                        \
        va_start(rest, flags);                               \
        mode = va_arg(rest, mode_t);                         \
        va_end(rest);                                        \
    }

int open(const char *path, int flags, ...) { OPEN_MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { OPEN_MODE(flags) return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dirfd, const char *path, int flags, ...) { OPEN_MODE(flags) return open_any(dirfd, path, flags, mode); }
int openat64(int dirfd, const char *path, int flags, ...) { OPEN_MODE(flags) return open_any(dirfd, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

ssize_t pread(int fd, void *to, size_t n, off_t at) {
    ssize_t result;
    WITH_FILE(fd, result, volatile_read(f, to, n, at));
    return real_pread(fd, to, n, at);
}
ssize_t pread64(int fd, void *to, size_t n, off_t at) { return pread(fd, to, n, at); }

ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
    ssize_t result;
    WITH_FILE(fd, result, volatile_write(f, from, n, at));
    return real_pwrite(fd, from, n, at);
}
ssize_t pwrite64(int fd, const void *from, size_t n, off_t at) { return pwrite(fd, from, n, at); }

/* The kernel keeps the position, so that duplicated descriptors share it. */
static ssize_t read_here(struct file *f, int fd, void *to, size_t n) {
    off_t at = real_lseek(fd, 0, SEEK_CUR);
    ssize_t done = volatile_read(f, to, n, at);
    if (done > 0)
        real_lseek(fd, at + done, SEEK_SET);
    return done;
}

static ssize_t write_here(struct file *f, int fd, const void *from, size_t n) {
    off_t at = (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) != 0 ? f->size : real_lseek(fd, 0, SEEK_CUR);
    ssize_t done = volatile_write(f, from, n, at);
    if (done > 0)
        real_lseek(fd, at + done, SEEK_SET);
    return done;
}

ssize_t read(int fd, void *to, size_t n) {
    ssize_t result;
    WITH_FILE(fd, result, read_here(f, fd, to, n));
    return syscall(SYS_read, fd, to, n);
}

ssize_t write(int fd, const void *from, size_t n) {
    ssize_t result;
    WITH_FILE(fd, result, write_here(f, fd, from, n));
    return syscall(SYS_write, fd, from, n);
}

/* A short result is allowed, and callers go on from there. */
static const struct iovec *first_part(const struct iovec *parts, int count) {
    while (count > 1 && parts->iov_len == 0)
        parts++, count--;
    return parts;
}

ssize_t readv(int fd, const struct iovec *parts, int count) {
    ssize_t result;
    if (count > 0)
        WITH_FILE(fd, result, read_here(f, fd, first_part(parts, count)->iov_base, first_part(parts, count)->iov_len));
    return syscall(SYS_readv, fd, parts, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t result;
    if (count > 0)
        WITH_FILE(fd, result, write_here(f, fd, first_part(parts, count)->iov_base, first_part(parts, count)->iov_len));
    return syscall(SYS_writev, fd, parts, count);
}

off_t lseek(int fd, off_t at, int whence) {
    off_t result;
    if (whence == SEEK_END)
        WITH_FILE(fd, result, real_lseek(fd, f->size + at, SEEK_SET));
    return real_lseek(fd, at, whence);
}
off_t lseek64(int fd, off_t at, int whence) { return lseek(fd, at, whence); }

int ftruncate(int fd, off_t size) {
    int result;
    WITH_FILE(fd, result, volatile_truncate(f, size));
    return real_ftruncate(fd, size);
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t at, off_t n) {
    int result;
    if (mode == 0)
        WITH_FILE(fd, result, at + n > f->size ? volatile_truncate(f, at + n) : 0);
    return (int)syscall(SYS_fallocate, fd, mode, at, n);
}
int fallocate64(int fd, int mode, off_t at, off_t n) { return fallocate(fd, mode, at, n); }
int posix_fallocate(int fd, off_t at, off_t n) { return fallocate(fd, 0, at, n) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off_t at, off_t n) { return posix_fallocate(fd, at, n); }

ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t n, unsigned flags) {
    ssize_t result;
    WITH_FILE(in, result, (errno = EINVAL, (ssize_t)-1));
    WITH_FILE(out, result, (errno = EINVAL, (ssize_t)-1));
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, n, flags);
}

ssize_t sendfile(int out, int in, off_t *at, size_t n) {
    ssize_t result;
    WITH_FILE(in, result, (errno = EINVAL, (ssize_t)-1));
    WITH_FILE(out, result, (errno = EINVAL, (ssize_t)-1));
    return syscall(SYS_sendfile, out, in, at, n);
}
ssize_t sendfile64(int out, int in, off_t *at, size_t n) { return sendfile(out, in, at, n); }

int fsync(int fd) { return volatile_sync(fd); }
int fdatasync(int fd) { return volatile_sync(fd); }

/* Sizes as the process has made them. */
static int seen(int result, struct stat *st) {
    if (result == 0 && files != NULL && S_ISREG(st->st_mode)) {
        pthread_mutex_lock(&lock);
        struct file *f = find(st->st_dev, st->st_ino);
        if (f != NULL)
            st->st_size = f->size;
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int fstatat(int dirfd, const char *path, struct stat *st, int flags) {
    return seen((int)syscall(SYS_newfstatat, dirfd, path, st, flags), st);
}
int fstat(int fd, struct stat *st) { return fstatat(fd, "", st, AT_EMPTY_PATH); }
int stat(const char *path, struct stat *st) { return fstatat(AT_FDCWD, path, st, 0); }
int lstat(const char *path, struct stat *st) { return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW); }
int fstatat64(int dirfd, const char *path, struct stat64 *st, int flags) { return fstatat(dirfd, path, (struct stat *)st, flags); }
int fstat64(int fd, struct stat64 *st) { return fstat(fd, (struct stat *)st); }
int stat64(const char *path, struct stat64 *st) { return stat(path, (struct stat *)st); }
int lstat64(const char *path, struct stat64 *st) { return lstat(path, (struct stat *)st); }

int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *st) {
    int result = (int)syscall(SYS_statx, dirfd, path, flags, mask, st);
    if (result == 0 && files != NULL && S_ISREG(st->stx_mode)) {
        pthread_mutex_lock(&lock);
        struct file *f = find((dev_t)makedev(st->stx_dev_major, st->stx_dev_minor), (ino_t)st->stx_ino);
        if (f != NULL)
            st->stx_size = (uint64_t)f->size;
        pthread_mutex_unlock(&lock);
    }
    return result;
}

#define REFUSE_IF_READ_ONLY(dirfd, path)   \
    if (read_only_name(dirfd, path)) {     \
        errno = EROFS;                     \
        return -1;                         \
    }

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    REFUSE_IF_READ_ONLY(to_dir, to)
    REFUSE_IF_READ_ONLY(from_dir, from)
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) { return renameat2(from_dir, from, to_dir, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dirfd, const char *path, int flags) {
    REFUSE_IF_READ_ONLY(dirfd, path)
    return (int)syscall(SYS_unlinkat, dirfd, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int mkdir(const char *path, mode_t mode) {
    REFUSE_IF_READ_ONLY(AT_FDCWD, path)
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int access(const char *path, int mode) {
    if ((mode & W_OK) != 0)
        REFUSE_IF_READ_ONLY(AT_FDCWD, path)
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}
