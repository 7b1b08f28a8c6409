#!/usr/bin/env python3
"""Whose land, measured: callout, rstar with geo, GEOS through shapely, and PostGIS, on the same polygons and points.

    python3 -m venv target/peers && target/peers/bin/pip install shapely numpy psycopg2-binary
    target/peers/bin/python benches/ownership/compare.py [--sizes 10000,100000,250000,1000000,2000000] [--postgis]

Each size is a made-up suburb (suburb.rs); with ../shared/data/gis present, also the sets there. Times are processor time
of the one thread or server process that does the work, so a busy machine changes them less; the load is printed beside.
`--postgis` needs a server on this host with the extension postgis, reached by PGHOST, PGPORT, PGUSER, PGDATABASE; its
processor time is read from /proc. Sizes above 250,000 are not asked of peers. Prints a table, and ratios to callout.

Agreement: every pair of point and polygon by shapely against callout's, with the boundary and without it. Differences on
polygons that GEOS calls valid must be none; else the script ends with 1.
"""
import argparse, json, lzma, os, subprocess, sys, tempfile, time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import shapely

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "../shared/data/gis"
PEERS_MAX = 300_000


def read_gpb(path):
    b = path.read_bytes()
    nf, nr, nv = np.frombuffer(b, np.uint32, 3, 4)
    at = 16
    features = np.frombuffer(b, np.uint32, nf + 1, at); at += 4 * (nf + 1)
    rings = np.frombuffer(b, np.uint32, nr + 1, at); at += 4 * (nr + 1)
    corners = np.frombuffer(b, np.int32, 2 * nv, at).reshape(-1, 2); at += 8 * nv
    return features, rings, corners, np.frombuffer(b, np.uint8, nr, at)


def polygons_of(path):
    features, rings, corners, kinds = read_gpb(path)
    lines = shapely.linearrings(corners.astype(float), indices=np.repeat(np.arange(len(kinds)), np.diff(rings)))
    shells = np.flatnonzero(kinds == 0)
    polygon_of_ring = np.cumsum(kinds == 0) - 1
    holes = {}
    for ring in np.flatnonzero(kinds == 1):
        holes.setdefault(polygon_of_ring[ring], []).append(lines[ring])
    plain = np.ones(len(shells), bool)
    plain[list(holes)] = False
    polygons = np.empty(len(shells), object)
    polygons[plain] = shapely.polygons(lines[shells[plain]])
    for number, inner in holes.items():
        polygons[number] = shapely.polygons(lines[shells[number]], inner)
    feature_of = np.repeat(np.arange(len(features) - 1), np.diff(features))[shells]
    starts = np.searchsorted(feature_of, np.arange(len(features) - 1))
    if len(polygons) == len(features) - 1:
        return polygons
    groups = np.split(polygons, starts[1:])
    return np.array([g[0] if len(g) == 1 else shapely.multipolygons(g) for g in groups], object)


def cpu(work, passes=2):
    best, out = 1e18, None
    for _ in range(passes):
        begun = time.process_time()
        out = work()
        best = min(best, time.process_time() - begun)
    return best, out


def geos(dir, polygons, points):
    build, tree = cpu(lambda: shapely.STRtree(polygons), 1)
    places = shapely.points(points.astype(float))
    took, pairs = cpu(lambda: tree.query(places, predicate="intersects"))
    some = places[:5_000]
    single, _ = cpu(lambda: [tree.query(one, predicate="intersects") for one in some], 1)
    said = {"what": "GEOS", "version": shapely.geos_version_string, "bulk_ns": took / len(points) * 1e9,
            "one_by_one_ns": single / len(some) * 1e9, "build_s": build, "touches": int(pairs.shape[1])}
    ours = np.fromfile(dir / "answers.res", np.uint32).reshape(-1, 3)
    valid = shapely.is_valid(polygons)
    key = lambda a, b: np.unique(a.astype(np.uint64) << np.uint64(32) | b.astype(np.uint64))
    inside = tree.query(places, predicate="within")
    for name, theirs, own in [("touching", pairs, ours), ("interior", inside, ours[ours[:, 2] == 0])]:
        apart = np.setxor1d(key(theirs[0], theirs[1]), key(own[:, 0], own[:, 1]))
        on_valid = int(valid[(apart & np.uint64(0xFFFFFFFF)).astype(int)].sum())
        said[f"{name}_differences"] = {"all": len(apart), "on_valid_polygons": on_valid}
    said["invalid_polygons"] = int((~valid).sum())
    return said


def postgis(polygons, points):
    import io
    import psycopg2
    c = psycopg2.connect(host=os.environ.get("PGHOST", "localhost"), port=int(os.environ.get("PGPORT", "5432")),
                         user=os.environ.get("PGUSER", "postgres"), dbname=os.environ.get("PGDATABASE", "postgres"))
    c.autocommit = True
    k = c.cursor()
    k.execute("create extension if not exists postgis; select pg_backend_pid()")
    pid = k.fetchone()[0]
    tick = os.sysconf("SC_CLK_TCK")

    def server_s():
        stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / tick

    k.execute("set jit = off; set max_parallel_workers_per_gather = 0; drop table if exists land, asked;"
              "create unlogged table land (number int, shape geometry(Geometry, 27700));"
              "create unlogged table asked (number int, place geometry(Point, 27700))")
    for table, shapes in [("land", polygons), ("asked", shapely.points(points.astype(float)))]:
        wkb = shapely.to_wkb(shapely.set_srid(shapes, 27700), hex=True, include_srid=True)
        k.copy_expert(f"copy {table} from stdin", io.StringIO("\n".join(f"{i}\t{w}" for i, w in enumerate(wkb))))
    begun = server_s()
    k.execute("create index on land using gist (shape); analyze land; analyze asked")
    build = server_s() - begun
    k.execute("vacuum land")
    took = 1e18
    for _ in range(2):
        begun = server_s()
        k.execute("select count(*) from asked join land on st_intersects(land.shape, asked.place)")
        touches = k.fetchone()[0]
        took = min(took, server_s() - begun)
    k.execute("prepare one as select number from land where st_intersects(shape, st_setsrid(st_makepoint($1, $2), 27700))")
    some, waits = points[:10_000], []
    begun = server_s()
    for x, y in some.tolist():
        sent = time.perf_counter()
        k.execute(f"execute one({x}, {y})")
        k.fetchall()
        waits.append(time.perf_counter() - sent)
    single = server_s() - begun
    k.execute("select postgis_full_version()")
    version = k.fetchone()[0].split('"')[1]
    return {"what": "PostGIS", "version": version, "bulk_ns": took / len(points) * 1e9, "touches": touches,
            "a_query_each_ns": single / len(some) * 1e9, "p50_ns": np.percentile(waits, 50) * 1e9, "build_s": build}


def tiled(source, target, copies):
    """A set of shapes again and again, side by side."""
    features, rings, corners, kinds = read_gpb(source)
    low, span = corners.min(0).astype(np.int64), corners.max(0).astype(np.int64) - corners.min(0) + 3000
    across = int(np.ceil(np.sqrt(copies)))
    f, r, c, k = [features[:1]], [rings[:1]], [], []
    for n in range(copies):
        f.append(features[1:] + np.uint32(n * int(features[-1])))
        r.append(rings[1:] + np.uint32(n * int(rings[-1])))
        c.append((corners - low + [300_000_000, 200_000_000] + span * [n % across, n // across]).astype(np.int32))
        k.append(kinds)
    f, r, c, k = map(np.concatenate, (f, r, c, k))
    counts = np.array([len(f) - 1, len(k), len(c)], np.uint32)
    target.write_bytes(b"GPB1" + counts.tobytes() + f.astype(np.uint32).tobytes() + r.astype(np.uint32).tobytes() + c.tobytes() + k.tobytes())


def gpb_of_geojson(source, target):
    """Rings of a GeoJSON file, roughly in metres: for shapes, not for places."""
    f, r, c, k = [0], [0], [], []
    for feature in json.loads(source.read_text())["features"]:
        g = feature["geometry"]
        for polygon in [g["coordinates"]] if g["type"] == "Polygon" else g["coordinates"]:
            for number, ring in enumerate(polygon):
                a = np.array(ring)[:, :2]
                a = np.rint((a - [-0.09, 51.51]) * [69_400_000, 111_250_000]).astype(np.int32) + 300_000_000
                if len(a) < 4:
                    continue
                c.append(a); r.append(r[-1] + len(a)); k.append(min(number, 1))
        f.append(len(k))
    c = np.concatenate(c)
    counts = np.array([len(f) - 1, len(k), len(c)], np.uint32)
    target.write_bytes(b"GPB1" + counts.tobytes() + np.array(f, np.uint32).tobytes() + np.array(r, np.uint32).tobytes()
                       + c.astype(np.int32).tobytes() + np.array(k, np.uint8).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,250000,1000000,2000000")
    parser.add_argument("--points", type=int, default=300_000)
    parser.add_argument("--postgis", action="store_true")
    parser.add_argument("--no-sets", action="store_true", help="made-up suburbs only")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        runs = [(f"suburb {n}", ["--polygons", n] + (["--start"] if int(n) <= PEERS_MAX else []), int(n)) for n in args.sizes.split(",") if n]
        if SHARED.is_dir() and not args.no_sets:
            for name in ["syn_fabric_250k", "uk_oa_ew_181k"]:
                (tmp / f"{name}.gpb").write_bytes(lzma.open(SHARED / f"{name}.gpb.xz").read())
                runs.append((name, ["--gpb", str(tmp / f"{name}.gpb")], 250_000))
            gpb_of_geojson(SHARED / "hmlr_inspire_city_of_london.geojson", tmp / "city.gpb")
            tiled(tmp / "city.gpb", tmp / "city_68.gpb", 68)
            runs.append(("City of London, 68 times", ["--gpb", str(tmp / "city_68.gpb")], 250_000))
        elif not args.no_sets:
            print("skipped: ../shared/data/gis is not there")
        for name, how, size in runs:
            dir = tmp / "files"
            command = ["cargo", "bench", "-q", "--bench", "ownership", "--", "--points", str(args.points), *how]
            command += ["--write", str(dir)] if size <= PEERS_MAX else []
            print(f"\n{name} (load {os.getloadavg()[0]:.1f})", flush=True)
            lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
            said = [json.loads(line) for line in lines if line.startswith("{")]
            if size <= PEERS_MAX:
                polygons = polygons_of(dir / "polygons.gpb")
                points = np.fromfile(dir / "points.pts", np.int32).reshape(-1, 2)
                said.append(geos(dir, polygons, points))
                wrong += sum(said[-1][f"{what}_differences"]["on_valid_polygons"] for what in ("touching", "interior"))
                if args.postgis:
                    said.append(postgis(polygons, points[:100_000]))
            own = said[0]
            for one in said:
                print("  " + json.dumps({key: round(value, 1) if isinstance(value, float) else value for key, value in one.items()}))
                for key in ("ns_a_point", "bulk_ns", "one_by_one_ns", "a_query_each_ns"):
                    if key in one:
                        print(f"    {one['what']}, {key[:-3]}: {one[key] / own['single_ns']:.1f} times callout one by one, "
                              f"{one[key] / own['batch_ns']:.1f} times callout in batches", flush=True)
    print(f"\ndifferences on valid polygons: {wrong}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
