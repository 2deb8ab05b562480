/*
 * RTRlib as the benchmarks' peer: validates routes with pfx_table_validate and says how long it
 * took. Started once with two files of fixed-size records, it keeps them in RTRlib's own structures
 * and obeys one command a line, so that its runs can alternate with ours:
 *
 *     build            make a new table and add every VRP          -> "build SECONDS ADDED"
 *     validate         the state of every route, in file order     -> "validate SECONDS"
 *     states FILE      write the states of the last validation, a byte each -> "states COUNT"
 *
 * A state is RTRlib's: 0 valid, 1 not found, 2 invalid. Reading the files, turning them into
 * RTRlib's structures and freeing the old table are never timed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rtrlib/rtrlib.h>

struct record { /* as bench/rtrlib.py writes it, numbers in the machine's byte order */
	uint8_t family, length, max_length, unused;
	uint32_t asn;
	uint32_t address[4];
};

struct route {
	struct lrtr_ip_addr prefix;
	uint32_t asn;
	uint8_t length;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "rtrlib_peer: %s: %s\n", what, why);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		die("memory", strerror(ENOMEM));
	return memory;
}

static struct record *read_records(const char *path, size_t *count)
{
	FILE *file = fopen(path, "rb");
	struct record *records;
	long bytes;

	if (!file || fseek(file, 0, SEEK_END) || (bytes = ftell(file)) < 0)
		die(path, strerror(errno));
	rewind(file);
	*count = bytes / sizeof(*records);
	records = allocate(*count, sizeof(*records));
	if (fread(records, sizeof(*records), *count, file) != *count)
		die(path, "cannot be read");
	fclose(file);
	return records;
}

static struct lrtr_ip_addr address_of(const struct record *record)
{
	struct lrtr_ip_addr address;

	memset(&address, 0, sizeof(address));
	if (record->family == 4) {
		address.ver = LRTR_IPV4;
		address.u.addr4.addr = record->address[0];
	} else {
		address.ver = LRTR_IPV6;
		memcpy(address.u.addr6.addr, record->address, sizeof(record->address));
	}
	return address;
}

int main(int argc, char **argv)
{
	size_t vrps, routes, i;
	struct record *records;
	struct pfx_record *vrp;
	struct route *route;
	uint8_t *states;
	struct pfx_table table;
	int built = 0;
	char line[4096];

	if (argc != 3)
		die("usage", "rtrlib_peer VRPS ROUTES");
	records = read_records(argv[1], &vrps);
	vrp = allocate(vrps, sizeof(*vrp));
	for (i = 0; i < vrps; i++) {
		vrp[i].asn = records[i].asn;
		vrp[i].prefix = address_of(&records[i]);
		vrp[i].min_len = records[i].length;
		vrp[i].max_len = records[i].max_length;
	}
	free(records);
	records = read_records(argv[2], &routes);
	route = allocate(routes, sizeof(*route));
	for (i = 0; i < routes; i++) {
		route[i].asn = records[i].asn;
		route[i].prefix = address_of(&records[i]);
		route[i].length = records[i].length;
	}
	free(records);
	states = allocate(routes, 1);

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "build")) {
			size_t added = 0;
			double began;

			if (built)
				pfx_table_free(&table);
			began = now();
			pfx_table_init(&table, NULL);
			for (i = 0; i < vrps; i++) {
				int answer = pfx_table_add(&table, &vrp[i]);

				if (answer == PFX_SUCCESS)
					added++;
				else if (answer != PFX_DUPLICATE_RECORD)
					die("pfx_table_add", "failed");
			}
			built = 1;
			printf("build %.9f %zu\n", now() - began, added);
		} else if (!strcmp(line, "validate") && built) {
			double began = now();

			for (i = 0; i < routes; i++) {
				enum pfxv_state state;

				if (pfx_table_validate(&table, route[i].asn, &route[i].prefix,
						       route[i].length, &state) != PFX_SUCCESS)
					die("pfx_table_validate", "failed");
				states[i] = state;
			}
			printf("validate %.9f\n", now() - began);
		} else if (!strncmp(line, "states ", 7)) {
			FILE *file = fopen(line + 7, "wb");

			if (!file || fwrite(states, 1, routes, file) != routes || fclose(file))
				die(line + 7, strerror(errno));
			printf("states %zu\n", routes);
		} else {
			die("unknown command", line);
		}
		fflush(stdout);
	}
	if (built)
		pfx_table_free(&table);
	return 0;
}
