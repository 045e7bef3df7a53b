// A small map without anybody's tiles: the countries of Natural Earth (public domain, from the package world-atlas),
// drawn round one point. Longitudes shrink towards the poles, so that shapes look right where the point is.

type Ring = number[];
type Shape = { type: 'Polygon'; arcs: Ring[]; properties: { name: string } } | { type: 'MultiPolygon'; arcs: Ring[][]; properties: { name: string } } | { type: null };
export type Topology = {
	transform: { scale: [number, number]; translate: [number, number] };
	arcs: [number, number][][];
	objects: { countries: { geometries: Shape[] } };
};

/** A closed line in degrees (longitude, latitude, longitude, …) with the box it lies in. */
export type Outline = { points: Float32Array; west: number; east: number; south: number; north: number };
export type Country = { name: string; outlines: Outline[] };

/** The countries of a topology: arcs shared by neighbours are put together to rings. An arc ~i is arc i backwards. */
export function countries({ transform, arcs, objects }: Topology): Country[] {
	const lines = arcs.map((arc) => {
		let [x, y] = [0, 0];
		return arc.map(([dx, dy]) => {
			x += dx;
			y += dy;
			return [x * transform.scale[0] + transform.translate[0], y * transform.scale[1] + transform.translate[1]] as const;
		});
	});
	const ring = (indexes: Ring): Outline => {
		const points: number[] = [];
		let turn = 0;
		for (const index of indexes) {
			const line = lines[index < 0 ? ~index : index] ?? [];
			const way = index < 0 ? [...line].reverse() : line;
			// An arc begins where the one before ended.
			for (const [lon, lat] of points.length > 0 ? way.slice(1) : way) {
				// A coast that meets the date line goes on beyond it: the way back would be once round the earth.
				const step = lon + turn - (points.at(-2) ?? lon);
				if (Math.abs(step) > 180) turn -= Math.sign(step) * 360;
				points.push(lon + turn, lat);
			}
		}
		return outline(points);
	};
	return objects.countries.geometries.flatMap((shape) => {
		if (shape.type === null) return [];
		const rings = shape.type === 'Polygon' ? shape.arcs : shape.arcs.flat();
		return [{ name: shape.properties.name, outlines: rings.map(ring) }];
	});
}

function outline(points: number[]): Outline {
	const made: Outline = { points: Float32Array.from(points), west: 180, east: -180, south: 90, north: -90 };
	for (let i = 0; i < points.length; i += 2) {
		const [lon, lat] = [points[i] ?? 0, points[i + 1] ?? 0];
		made.west = Math.min(made.west, lon);
		made.east = Math.max(made.east, lon);
		made.south = Math.min(made.south, lat);
		made.north = Math.max(made.north, lat);
	}
	return made;
}

export type Sheet = {
	/** In the middle. */
	longitude: number;
	latitude: number;
	width: number;
	height: number;
	/** How many degrees of longitude the width shows, were it at the equator. */
	degrees: number;
};

export type Label = { name: string; x: number; y: number };
export type Drawing = { land: string; labels: Label[] };

/** Points nearer than this to the last one are left out. */
const FINEST_PX = 0.8;
const LABEL_PX = 48;
const PIN_PX = 16;

/** The land in sight as one SVG path, and the names of countries large enough to carry them. */
export function drawn(all: readonly Country[], sheet: Sheet): Drawing {
	const perDegree = sheet.width / sheet.degrees;
	const squeeze = Math.max(0.2, Math.cos((sheet.latitude * Math.PI) / 180));
	const halfLon = sheet.width / 2 / perDegree / squeeze;
	const halfLat = sheet.height / 2 / perDegree;
	const parts: string[] = [];
	const labels: Label[] = [];
	for (const country of all) {
		let widest = 0;
		let label: Label | null = null;
		for (const each of country.outlines) {
			if (each.north < sheet.latitude - halfLat || each.south > sheet.latitude + halfLat) continue;
			// What lies beyond the date line is drawn once more, one turn of the earth away.
			for (const turn of [-360, 0, 360]) {
				if (each.east + turn < sheet.longitude - halfLon || each.west + turn > sheet.longitude + halfLon) continue;
				const x = (lon: number) => sheet.width / 2 + (lon + turn - sheet.longitude) * perDegree * squeeze;
				const y = (lat: number) => sheet.height / 2 - (lat - sheet.latitude) * perDegree;
				parts.push(path(each.points, x, y));
				const wide = x(each.east) - x(each.west);
				if (wide <= widest) continue;
				widest = wide;
				const tall = y(each.south) - y(each.north);
				const middle = { name: country.name, x: x((each.west + each.east) / 2), y: y((each.south + each.north) / 2) };
				const isInside = middle.x > 30 && middle.x < sheet.width - 30 && middle.y > 12 && middle.y < sheet.height - 12;
				label = isInside && Math.max(wide, tall) > LABEL_PX && wide > country.name.length * 3.5 ? clearOfPin(middle, sheet) : null;
			}
		}
		if (label) labels.push(label);
	}
	return { land: parts.join(''), labels: apart(labels) };
}

function path(points: Float32Array, x: (lon: number) => number, y: (lat: number) => number): string {
	let text = '';
	let [lastX, lastY] = [Infinity, Infinity];
	for (let i = 0; i < points.length; i += 2) {
		const [px, py] = [x(points[i] ?? 0), y(points[i + 1] ?? 0)];
		if (Math.abs(px - lastX) + Math.abs(py - lastY) < FINEST_PX) continue;
		text += `${text ? 'L' : 'M'}${px.toFixed(1)} ${py.toFixed(1)}`;
		[lastX, lastY] = [px, py];
	}
	return text && `${text}Z`;
}

/** The middle of the sheet belongs to the pin. */
function clearOfPin(label: Label, { width, height }: Sheet): Label {
	const [dx, dy] = [label.x - width / 2, label.y - height / 2];
	if (Math.abs(dy) > PIN_PX || Math.abs(dx) > label.name.length * 3.4 + PIN_PX) return label;
	return { ...label, y: height / 2 + (dy > 0 ? PIN_PX + 6 : -PIN_PX - 6) };
}

/** Of names that would touch, the first stays. */
function apart(labels: readonly Label[]): Label[] {
	const kept: Label[] = [];
	for (const label of labels)
		if (kept.every((other) => Math.abs(other.y - label.y) > 14 || Math.abs(other.x - label.x) > (other.name.length + label.name.length) * 3.4))
			kept.push(label);
	return kept;
}
