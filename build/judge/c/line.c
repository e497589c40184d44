/*
 * line hears and makes the signals of telephone lines with libspandsp, a receiver
 * and generator not written here. It is compiled by the tests that ask it.
 *
 *   line MODE [ARGUMENT ...]
 *
 * Sound is raw, 16 bit, 8 kHz, in the machine's byte order, on standard input and
 * output. What is heard is printed one line each, beginning with the number of
 * samples that were read when it was noticed.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spandsp.h>
#include <spandsp/expose.h>
#include <spandsp/g168models.h>

enum { BLOCK = 40 };	/* 5 ms: how exact the positions are */

static long at;
static FILE *out;	/* standard output, which libspandsp uses for remarks of its own */
static const char *label = "";

static void die(const char *why)
{
	fprintf(stderr, "line: %s\n", why);
	exit(2);
}

static long number(int argc, char **argv, int i, long otherwise)
{
	return i < argc ? strtol(argv[i], NULL, 0) : otherwise;
}

static void put(const int16_t *amp, int n)
{
	if (n > 0 && fwrite(amp, sizeof amp[0], n, out) != (size_t)n)
		die("cannot write");
}

static void quiet(long samples)
{
	static const int16_t nothing[BLOCK];

	for (; samples > 0; samples -= BLOCK)
		put(nothing, samples < BLOCK ? samples : BLOCK);
}

/* listen hands all of standard input to a receiver. */
static void listen(int (*rx)(void *, const int16_t *, int), void *state)
{
	int16_t amp[BLOCK];
	size_t n;

	while ((n = fread(amp, sizeof amp[0], BLOCK, stdin)) > 0) {
		at += n;
		rx(state, amp, n);
	}
}

/* ---- digits ---- */

static void on_digit(void *user, int code, int level, int delay)
{
	(void)user;
	if (code)
		fprintf(out, "%ld digit %c %d\n", at, code, level);
	else
		fprintf(out, "%ld quiet %d\n", at, delay);
}

static int rx_dtmf(void *s, const int16_t *amp, int n)
{
	return dtmf_rx(s, amp, n);
}

static void dtmf_hear(int argc, char **argv)
{
	dtmf_rx_state_t *s = dtmf_rx_init(NULL, NULL, NULL);

	dtmf_rx_set_realtime_callback(s, on_digit, NULL);
	dtmf_rx_parms(s, number(argc, argv, 2, -1), number(argc, argv, 3, -1),
		      number(argc, argv, 4, -1), number(argc, argv, 5, -99));
	listen(rx_dtmf, s);
}

static void dtmf_make(int argc, char **argv)
{
	dtmf_tx_state_t *s = dtmf_tx_init(NULL);
	const char *digits = argc > 2 ? argv[2] : "";
	int16_t amp[BLOCK];
	int n;

	dtmf_tx_set_level(s, number(argc, argv, 3, -10), number(argc, argv, 4, 0));
	dtmf_tx_set_timing(s, number(argc, argv, 5, 50), number(argc, argv, 6, 50));
	for (;;) {
		while (*digits && dtmf_tx_put(s, digits, 1) == 0)
			digits++;
		if ((n = dtmf_tx(s, amp, BLOCK)) == 0 && !*digits)
			return;
		put(amp, n);
	}
}

/* ---- tones of fax machines and modems ---- */

static const struct { const char *name; int tone; } connect_tones[] = {
	{ "cng", MODEM_CONNECT_TONES_FAX_CNG },
	{ "ced", MODEM_CONNECT_TONES_ANS },
	{ "ans-pr", MODEM_CONNECT_TONES_ANS_PR },
	{ "ansam", MODEM_CONNECT_TONES_ANSAM },
	{ "ansam-pr", MODEM_CONNECT_TONES_ANSAM_PR },
	{ "preamble", MODEM_CONNECT_TONES_FAX_PREAMBLE },
	{ "ced-or-preamble", MODEM_CONNECT_TONES_FAX_CED_OR_PREAMBLE },
	{ "bell-ans", MODEM_CONNECT_TONES_BELL_ANS },
};

static int connect_tone(const char *name)
{
	for (size_t i = 0; i < sizeof connect_tones / sizeof connect_tones[0]; i++)
		if (strcmp(connect_tones[i].name, name) == 0)
			return connect_tones[i].tone;
	die("unknown tone");
	return 0;
}

static void on_connect(void *user, int code, int level, int delay)
{
	(void)user, (void)delay;
	if (code == MODEM_CONNECT_TONES_NONE) {
		fprintf(out, "%ld quiet\n", at);
		return;
	}
	for (size_t i = 0; i < sizeof connect_tones / sizeof connect_tones[0]; i++)
		if (connect_tones[i].tone == code)
			fprintf(out, "%ld tone %s %d\n", at, connect_tones[i].name, level);
}

static int rx_connect(void *s, const int16_t *amp, int n)
{
	return modem_connect_tones_rx(s, amp, n);
}

static void connect_hear(int argc, char **argv)
{
	if (argc < 3)
		die("which tone?");
	listen(rx_connect, modem_connect_tones_rx_init(NULL, connect_tone(argv[2]), on_connect, NULL));
}

static void connect_make(int argc, char **argv)
{
	modem_connect_tones_tx_state_t *s;
	long left = number(argc, argv, 3, 3000) * 8;
	int16_t amp[BLOCK];

	if (argc < 3)
		die("which tone?");
	s = modem_connect_tones_tx_init(NULL, connect_tone(argv[2]));
	for (; left > 0; left -= BLOCK) {
		int n = modem_connect_tones_tx(s, amp, BLOCK);

		put(amp, n);
		if (n < BLOCK)
			break;
	}
}

/* ---- call progress tones ---- */

static char **progress_names;

static void on_progress(void *user, int code, int level, int delay)
{
	(void)user, (void)level, (void)delay;
	if (code < 0)
		fprintf(out, "%ld quiet\n", at);
	else
		fprintf(out, "%ld tone %.*s\n", at, (int)strcspn(progress_names[code], "="), progress_names[code]);
}

static void on_segment(void *user, int f1, int f2, int ms)
{
	(void)user;
	fprintf(out, "%ld segment %d %d %d\n", at, f1, f2, ms);
}

static int rx_progress(void *s, const int16_t *amp, int n)
{
	return super_tone_rx(s, amp, n);
}

/* progress_hear: each argument is NAME=F1,F2,MIN,MAX[;...], -1 for no frequency. */
static void progress_hear(int argc, char **argv)
{
	super_tone_rx_descriptor_t *d = super_tone_rx_make_descriptor(NULL);
	super_tone_rx_state_t *s;

	progress_names = argv + 2;
	for (int i = 2; i < argc; i++) {
		int tone = super_tone_rx_add_tone(d);
		char *p = strchr(argv[i], '=');

		while (p) {
			int f1, f2, min, max;

			if (sscanf(p + 1, "%d,%d,%d,%d", &f1, &f2, &min, &max) != 4)
				die("a step is F1,F2,MIN,MAX");
			super_tone_rx_add_element(d, tone, f1, f2, min, max);
			p = strchr(p + 1, ';');
		}
	}
	s = super_tone_rx_init(NULL, d, on_progress, NULL);
	super_tone_rx_segment_callback(s, on_segment);
	listen(rx_progress, s);
}

/* progress_make: ROUNDS, then steps F1,L1,F2,L2,MS; F2 below 0 modulates, by L2 percent. */
static void progress_make(int argc, char **argv)
{
	for (long rounds = number(argc, argv, 2, 1); rounds > 0; rounds--)
		for (int i = 3; i < argc; i++) {
			int f1, l1, f2, l2, ms, n;
			tone_gen_descriptor_t *d;
			tone_gen_state_t *s;
			int16_t amp[BLOCK];

			if (sscanf(argv[i], "%d,%d,%d,%d,%d", &f1, &l1, &f2, &l2, &ms) != 5)
				die("a step is F1,L1,F2,L2,MS");
			if (f1 == 0) {
				quiet(ms * 8L);
				continue;
			}
			d = tone_gen_descriptor_init(NULL, f1, l1, f2, l2, ms, 0, 0, 0, false);
			s = tone_gen_init(NULL, d);
			while ((n = tone_gen(s, amp, BLOCK)) > 0)
				put(amp, n);
			tone_gen_free(s);
			tone_gen_descriptor_free(d);
		}
}

/* ---- caller identity ---- */

static int cid_standard(int argc, char **argv)
{
	static const char *const names[] = { "", "class", "clip", "aclip", "jclip", "clip-dtmf", "tdd" };

	for (int i = 1; argc > 2 && i < 7; i++)
		if (strcmp(argv[2], names[i]) == 0) {
			label = names[i];
			return i;
		}
	die("which standard? class clip aclip jclip clip-dtmf tdd");
	return 0;
}

static adsi_rx_state_t *cid_rx;
static int cid_kind;

/* on_message prints the message's type and TYPE:BODY of each field, all in hex. */
static void on_message(void *user, const uint8_t *msg, int len)
{
	int pos = -1, n;
	uint8_t type;
	const uint8_t *body;

	(void)user;
	fprintf(out, "%ld message %s", at, label);
	if (cid_kind == ADSI_STANDARD_TDD) {
		fprintf(out, " 00:");
		for (int i = 0; i < len; i++)
			fprintf(out, "%02x", msg[i]);
	} else {
		do {
			if ((pos = adsi_next_field(cid_rx, msg, len, pos, &type, &body, &n)) <= 0)
				break;
			if (body) {
				fprintf(out, " %02x:", type);
				for (int i = 0; i < n; i++)
					fprintf(out, "%02x", body[i]);
			} else {
				fprintf(out, " %02x", type);
			}
		} while (pos > 0);
		if (pos < -1)
			fprintf(out, " corrupt");
	}
	fprintf(out, "\n");
}

static int rx_cid(void *s, const int16_t *amp, int n)
{
	return adsi_rx(s, amp, n);
}

static void cid_hear(int argc, char **argv)
{
	cid_kind = cid_standard(argc, argv);
	cid_rx = adsi_rx_init(NULL, cid_kind, on_message, NULL);
	listen(rx_cid, cid_rx);
}

static int from_hex(const char *hex, uint8_t *out, int max)
{
	int n = 0;
	unsigned v;

	for (; n < max && sscanf(hex, "%2x", &v) == 1 && hex[0] && hex[1]; hex += 2)
		out[n++] = v;
	return n;
}

/*
 * cid_make reads one message a line: MS of silence before it, 1 or 0 for an alert
 * tone, its type in hex, and TYPE:BODY of each field in hex. Arguments after the
 * standard: bits of seizure, of mark before and after, stop bits.
 */
static void cid_make(int argc, char **argv)
{
	adsi_tx_state_t *s = adsi_tx_init(NULL, cid_standard(argc, argv));
	char line[2048];
	int16_t amp[BLOCK];

	if (argc > 3)
		adsi_tx_set_preamble(s, number(argc, argv, 3, -1), number(argc, argv, 4, -1),
				     number(argc, argv, 5, -1), number(argc, argv, 6, -1));
	while (fgets(line, sizeof line, stdin)) {
		uint8_t msg[256], body[256];
		int alert = 0, silence = 0, n, len;
		unsigned type = 0;
		char *word = strtok(line, " \n");

		silence = word ? atoi(word) : 0;
		if ((word = strtok(NULL, " \n")))
			alert = atoi(word);
		if ((word = strtok(NULL, " \n")))
			type = strtoul(word, NULL, 16);
		len = adsi_add_field(s, msg, -1, type, NULL, 0);
		while ((word = strtok(NULL, " \n"))) {
			char *colon = strchr(word, ':');

			n = colon ? from_hex(colon + 1, body, sizeof body) : 0;
			len = adsi_add_field(s, msg, len, strtoul(word, NULL, 16), n ? body : NULL, n);
		}
		quiet(silence * 8L);
		if (alert) {
			adsi_tx_send_alert_tone(s);
			while ((n = adsi_tx(s, amp, BLOCK)) > 0) {
				put(amp, n);
				if (n < BLOCK)
					break;
			}
		}
		if (adsi_tx_put_message(s, msg, len) <= 0)
			die("the message was refused");
		while ((n = adsi_tx(s, amp, BLOCK)) > 0)
			put(amp, n);
	}
}

/* ---- echo ---- */

/* echo reads pairs of samples (sent, received) and writes what is left of the second. */
static void echo(int argc, char **argv)
{
	echo_can_state_t *s = echo_can_init(number(argc, argv, 2, 256),
					    number(argc, argv, 3, ECHO_CAN_USE_ADAPTION));
	int16_t pair[2], clean;

	while (fread(pair, sizeof pair, 1, stdin) == 1) {
		clean = echo_can_update(s, pair[0], pair[1]);
		put(&clean, 1);
	}
}

/* echo_path prints an impulse response of G.168 annex D, as measured there. */
static void echo_path(int argc, char **argv)
{
	static const struct { const int32_t *tap; size_t size; double gain; } paths[] = {
		{ line_model_d2_coeffs, sizeof line_model_d2_coeffs, LINE_MODEL_D2_GAIN },
		{ line_model_d3_coeffs, sizeof line_model_d3_coeffs, LINE_MODEL_D3_GAIN },
		{ line_model_d4_coeffs, sizeof line_model_d4_coeffs, LINE_MODEL_D4_GAIN },
		{ line_model_d5_coeffs, sizeof line_model_d5_coeffs, LINE_MODEL_D5_GAIN },
		{ line_model_d6_coeffs, sizeof line_model_d6_coeffs, LINE_MODEL_D6_GAIN },
		{ line_model_d7_coeffs, sizeof line_model_d7_coeffs, LINE_MODEL_D7_GAIN },
		{ line_model_d8_coeffs, sizeof line_model_d8_coeffs, LINE_MODEL_D8_GAIN },
		{ line_model_d9_coeffs, sizeof line_model_d9_coeffs, LINE_MODEL_D9_GAIN },
	};
	long d = number(argc, argv, 2, 0) - 2;

	if (d < 0 || d > 7)
		die("which path? 2 to 9");
	for (size_t i = 0; i < paths[d].size / sizeof paths[d].tap[0]; i++)
		fprintf(out, "%zu tap %.9g\n", i, paths[d].tap[i] * paths[d].gain);
}

/* ---- companding ---- */

static void g711(int argc, char **argv)
{
	g711_state_t *s;
	uint8_t code[BLOCK];
	int16_t amp[BLOCK];
	size_t n;

	if (argc < 4)
		die("g711 ulaw|alaw encode|decode");
	s = g711_init(NULL, argv[2][0] == 'u' ? G711_ULAW : G711_ALAW);
	if (argv[3][0] == 'd') {
		while ((n = fread(code, 1, BLOCK, stdin)) > 0)
			put(amp, g711_decode(s, amp, code, n));
		return;
	}
	while ((n = fread(amp, sizeof amp[0], BLOCK, stdin)) > 0)
		if (fwrite(code, 1, g711_encode(s, code, amp, n), out) != n)
			die("cannot write");
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(int, char **); } modes[] = {
		{ "dtmf-hear", dtmf_hear }, { "dtmf-make", dtmf_make },
		{ "connect-hear", connect_hear }, { "connect-make", connect_make },
		{ "progress-hear", progress_hear }, { "progress-make", progress_make },
		{ "cid-hear", cid_hear }, { "cid-make", cid_make },
		{ "echo", echo }, { "echo-path", echo_path }, { "g711", g711 },
	};

	if (!(out = fdopen(dup(1), "w")) || !freopen("/dev/null", "w", stdout))
		die("no output");
	for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(argc, argv);
			return fclose(out) ? 2 : 0;
		}
	die("unknown mode");
	return 2;
}
