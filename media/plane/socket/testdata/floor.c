/*
 * The least that a relay on sockets can do: epoll, recvfrom, sendto. The
 * benchmark measures the media plane against it.
 *
 * floor N opens N UDP sockets on 127.0.0.1 and prints their ports, then reads N
 * ports from standard input. What comes to socket i goes out of socket i^1 to the
 * port given for that one. It ends with standard input, and prints how many
 * packets it relayed.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 256
#define STDIN_MARK (-1)

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	int epoll = epoll_create1(0);
	int *fd = calloc(n, sizeof *fd);
	struct sockaddr_in *to = calloc(n, sizeof *to);
	struct epoll_event e = {.events = EPOLLIN}, events[MAX_EVENTS];
	unsigned long packets = 0;
	char buf[2048];

	if (n < 2 || n % 2 || epoll < 0 || !fd || !to)
		return 2;
	for (int i = 0; i < n; i++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof a;
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		e.data.fd = i;
		if (fd[i] < 0 || bind(fd[i], (struct sockaddr *)&a, len) || getsockname(fd[i], (struct sockaddr *)&a, &len) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, fd[i], &e))
			return 1;
		printf("%d\n", ntohs(a.sin_port));
	}
	fflush(stdout);
	for (int i = 0; i < n; i++) {
		int port;
		if (scanf("%d", &port) != 1)
			return 1;
		to[i].sin_family = AF_INET;
		to[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		to[i].sin_port = htons(port);
	}
	e.data.fd = STDIN_MARK;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &e))
		return 1;
	for (;;) {
		int ready = epoll_wait(epoll, events, MAX_EVENTS, -1);
		for (int k = 0; k < ready; k++) {
			struct sockaddr_in from;
			socklen_t len = sizeof from;
			int i = events[k].data.fd;
			if (i == STDIN_MARK) {
				if (read(0, buf, sizeof buf) <= 0) {
					printf("%lu\n", packets);
					return 0;
				}
				continue;
			}
			ssize_t got = recvfrom(fd[i], buf, sizeof buf, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
			if (got > 0) {
				sendto(fd[i ^ 1], buf, got, MSG_DONTWAIT, (struct sockaddr *)&to[i ^ 1], sizeof to[i ^ 1]);
				packets++;
			}
		}
	}
}
