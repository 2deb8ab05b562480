// Makes validator/pages/map/world.json: the world's countries and territories as SVG paths.
//
// The shapes are Natural Earth's at 1:50m as world-atlas packs them, simplified, projected once
// (Equal Earth, an equal-area projection) and rounded, so that a page needs no geometry at run
// time. Areas follow ISO 3166-1 because the registries' files do: territories that Natural Earth
// draws as part of another country are cut out of it, and areas without a code of their own are
// joined to the code that registries use for them. No area is an opinion on anybody's status.
//
// Run from this folder, with Node 20: npm ci && node build.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { geoArea, geoCentroid, geoEqualEarth, geoPath } from "d3-geo";
import { feature, merge } from "topojson-client";
import { presimplify, simplify } from "topojson-simplify";

const ATLAS = new URL("node_modules/world-atlas/", import.meta.url);
const COUNTRIES = new URL("../../config/groups/country.csv", import.meta.url);
const OUT = new URL("../../validator/pages/map/world.json", import.meta.url);

const WIDTH = 9600; // tenths of a pixel of a map 960 wide: whole numbers are short to write
const CENTRE = 11; // degrees east: the cut falls into the Bering Strait, through no country
const TOLERANCE = 3.5e-2; // square degrees: triangles smaller than this are straightened
const LEAST_RING = 60; // hundredths of a square pixel: smaller islands are left out
const SMALL = 800; // hundredths of a square pixel, about 11,000 km²: a smaller area is a dot
const APART = 46; // between the centres of two dots

// Not in ISO 3166-1: joined to the code that covers them there. The rest without a code (the
// Siachen Glacier) is drawn as land of no code.
const JOINED = { "N. Cyprus": "CY", Somaliland: "SO", Kosovo: "XK" };

// Cut out of the country that Natural Earth draws them with: [west, south, east, north].
const CUT = [
  ["FR", "GF", [-56, 1, -50, 7]],
  ["FR", "GP", [-62, 15.8, -60.9, 16.6]],
  ["FR", "MQ", [-61.4, 14.3, -60.7, 15]],
  ["FR", "RE", [55, -22, 56.2, -20.5]],
  ["FR", "YT", [44.8, -13.3, 45.5, -12.4]],
  ["NO", "SJ", [-10, 70.5, 40, 82], [12, 70, 35, 72]], // not the coast of Norway itself
  ["NL", "BQ", [-69, 11.5, -62, 18]],
  ["IO?", "CX", [105, -11, 106.5, -10]],
  ["IO?", "CC", [96, -13, 98, -11]],
  ["NZ", "TK", [-173, -10, -171, -8]],
];

// Not drawn at 1:50m at all: a dot. Longitude and latitude, public facts.
const DOTS = {
  BV: [3.36, -54.42], // Bouvet Island
  GI: [-5.35, 36.14], // Gibraltar
  TV: [179.2, -8.52], // Tuvalu: Funafuti
  UM: [166.63, 19.28], // United States Minor Outlying Islands: Wake Island
};

const topology = JSON.parse(readFileSync(new URL("countries-50m.json", ATLAS)));
const codes = new Map();
const ids = {}; // M49 and alpha-3 to alpha-2, for the shapes that a user brings along
const wanted = new Set();
for (const line of readFileSync(COUNTRIES, "utf8").split("\n").slice(1)) {
  const found = line.match(/^([A-Z]{2}),.*,([A-Z]{3})?,(\d{3})?$/);
  if (!found) continue;
  if (found[3]) codes.set(found[3], found[1]);
  for (const id of [found[2], found[3]]) if (id) ids[id] = found[1];
  if (found[3] || found[1] === "XK") wanted.add(found[1]); // AP and EU are no territories
}

const simple = simplify(presimplify(topology), TOLERANCE);
const geometries = simple.objects.countries.geometries;
const members = new Map();
const other = [];
geometries.forEach((each) => {
  const name = each.properties.name;
  const code =
    codes.get(each.id) ?? JOINED[name] ?? (name === "Indian Ocean Ter." ? "IO?" : null);
  if (code === null) other.push(each);
  else members.set(code, [...(members.get(code) ?? []), each]);
});

const polygons = new Map();
for (const [code, some] of members) polygons.set(code, merge(simple, some).coordinates);
for (const [from, code, box, but] of CUT) {
  const inside = ([w, s, e, n], [x, y]) => w <= x && x <= e && s <= y && y <= n;
  const cut = (rings) => {
    const at = geoCentroid({ type: "Polygon", coordinates: rings });
    return inside(box, at) && !(but && inside(but, at));
  };
  polygons.set(code, polygons.get(from).filter(cut));
  polygons.set(from, polygons.get(from).filter((rings) => !cut(rings)));
}
polygons.delete("IO?");

const projection = geoEqualEarth().rotate([-CENTRE, 0]).precision(0.2);
projection.fitWidth(WIDTH, { type: "Sphere" });
const path = geoPath(projection);
const height = Math.ceil(path.bounds({ type: "Sphere" })[1][1]);

/** The rings of a shape in whole units, without points that repeat, as d3 has clipped them. */
function rings(shape) {
  const all = [];
  const put = (x, y) => {
    const ring = all.at(-1);
    const [u, v] = [Math.round(x), Math.round(y)];
    const last = ring.at(-1);
    if (!last || last[0] !== u || last[1] !== v) ring.push([u, v]);
  };
  geoPath(projection, {
    moveTo: (x, y) => (all.push([]), put(x, y)),
    lineTo: put,
    closePath: () => {},
    arc: () => {},
  })(shape);
  return all.filter((ring) => ring.length > 2);
}

function area(ring) {
  let twice = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++)
    twice += ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
  return Math.abs(twice / 2);
}

/** An SVG path: one absolute move a ring, then relative lines. */
function drawn(all) {
  const number = (n, first) => (n < 0 || first ? `${n}` : ` ${n}`);
  return all
    .map((ring) => {
      let [x, y] = ring[0];
      let text = `M${x}${number(y)}l`;
      ring.slice(1).forEach(([u, v], i) => {
        text += number(u - x, i === 0) + number(v - y);
        [x, y] = [u, v];
      });
      return `${text}z`;
    })
    .join("");
}

const areas = {};
for (const code of [...wanted].sort()) {
  const shape = polygons.get(code);
  if (!shape?.length) {
    if (!DOTS[code]) throw new Error(`no shape and no point for ${code}`);
    const [x, y] = projection(DOTS[code]).map(Math.round);
    areas[code] = { path: "", x, y, dot: true };
    continue;
  }
  const largest = shape.reduce((a, b) =>
    geoArea({ type: "Polygon", coordinates: a }) >= geoArea({ type: "Polygon", coordinates: b })
      ? a
      : b,
  );
  const multi = { type: "MultiPolygon", coordinates: shape };
  const [x, y] = path.centroid({ type: "Polygon", coordinates: largest }).map(Math.round);
  const kept = rings(multi).filter((ring) => area(ring) >= LEAST_RING);
  areas[code] = { path: drawn(kept), x, y, dot: path.area(multi) < SMALL };
  if (!Number.isFinite(x)) [areas[code].x, areas[code].y] = projection(largest[0][0]).map(Math.round);
}

// Dots of neighbouring islands are moved apart, so that each can be seen and pointed at.
const dots = Object.values(areas).filter((each) => each.dot);
for (let round = 0; round < 200; round++) {
  let moved = false;
  for (const a of dots)
    for (const b of dots) {
      if (a === b) continue;
      const [dx, dy] = [b.x - a.x || 0.5, b.y - a.y];
      const far = Math.hypot(dx, dy);
      if (far >= APART) continue;
      const by = (APART - far) / 2 + 0.5;
      a.x -= (dx / far) * by;
      a.y -= (dy / far) * by;
      b.x += (dx / far) * by;
      b.y += (dy / far) * by;
      moved = true;
    }
  if (!moved) break;
}
for (const each of dots) [each.x, each.y] = [Math.round(each.x), Math.round(each.y)];

const about = {
  source: "Natural Earth 4.1.0, Admin 0 countries, 1:50m, https://www.naturalearthdata.com/",
  licence: "public domain (Natural Earth); the packing in world-atlas 2.0.2 is ISC, (c) Michael Bostock",
  made: "tools/map/build.mjs, with d3-geo, topojson-client and topojson-simplify",
  projection: "Equal Earth",
  units: "tenths of a pixel of a map 960 pixels wide",
  areas: "ISO 3166-1 as registries use it, and XK; a dot is an area under about 11,000 km2, moved where dots would overlap",
  boundaries: "as Natural Earth draws them; they show no opinion on any territory's status",
};
const world = {
  about,
  width: WIDTH,
  height,
  centre: CENTRE,
  sphere: drawn(rings({ type: "Sphere" })),
  other: drawn(other.flatMap((each) => rings(feature(simple, each))).filter((r) => area(r) >= LEAST_RING)),
  areas,
};
const lines = Object.entries(areas).map(([code, each]) => `"${code}":${JSON.stringify(each)}`);
const { areas: _, ...head } = { ...world, ids: undefined };
const text = `${JSON.stringify(head, null, 1).slice(0, -2)},\n"ids":${JSON.stringify(ids)},\n"areas": {\n${lines.join(",\n")}\n}}\n`;
writeFileSync(OUT, text);
console.log(`${Object.keys(areas).length} areas, ${dots.length} dots, ${text.length} bytes`);
