import { describe, expect, it } from 'vitest';
import atlas from 'world-atlas/countries-50m.json';
import { countries, drawn, type Topology } from '../../src/lib/viewer/world';

const world = countries(atlas as unknown as Topology);
const sheet = { longitude: -9.1393, latitude: 38.7223, width: 290, height: 168, degrees: 22 };

describe('the map', () => {
	it('puts shared arcs together to closed outlines in degrees', () => {
		const swiss = world.find(({ name }) => name === 'Switzerland')!.outlines[0]!;
		expect([swiss.west, swiss.east, swiss.south, swiss.north].map(Math.round)).toEqual([6, 10, 46, 48]);
		expect(swiss.points[0]).toBeCloseTo(swiss.points.at(-2)!, 3);
		expect(swiss.points[1]).toBeCloseTo(swiss.points.at(-1)!, 3);
	});

	it('names what is around, and keeps the pin free', () => {
		const { land, labels } = drawn(world, sheet);
		expect(land.startsWith('M')).toBe(true);
		expect(labels.map(({ name }) => name)).toContain('Portugal');
		expect(labels.every(({ x, y }) => Math.abs(y - 84) >= 16 || Math.abs(x - 145) > 40)).toBe(true);
	});

	it('draws no coast round the earth where it meets the date line', () => {
		for (const name of ['Russia', 'Fiji', 'United States of America'])
			for (const each of world.find((country) => country.name === name)!.outlines) expect(each.east - each.west, name).toBeLessThan(180);
	});

	it('goes on beyond the date line and draws less where less can be seen', () => {
		const fiji = drawn(world, { ...sheet, longitude: 179.9, latitude: -17, degrees: 70 });
		const xs = [...fiji.land.matchAll(/[ML](-?[\d.]+)/g)].map((match) => Number(match[1]));
		expect(Math.min(...xs)).toBeLessThan(100);
		expect(Math.max(...xs)).toBeGreaterThan(190);
		expect(drawn(world, { ...sheet, degrees: 300 }).land.length).toBeLessThan(400_000);
	});
});
