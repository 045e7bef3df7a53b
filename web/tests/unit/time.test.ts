import { describe, expect, it } from 'vitest';
import { dayName, dayOf, dayShort, length, monthName, monthOf, toInput, wallClock, withOffset, zoneMinutes } from '../../src/lib/time';

describe('local time', () => {
	it('is the instant plus its offset, whatever zone the visitor is in', () => {
		const wall = wallClock('2024-05-03T22:30:00.123', 5.5);
		expect(dayOf(wall)).toBe('2024-05-04');
		expect(monthOf(dayOf(wall))).toBe('2024-05-01');
		expect(wallClock('2024-05-03T22:30:00Z', 0)).toBe(wallClock('2024-05-03T22:30:00', 0));
	});

	it('names days and months', () => {
		expect(monthName('2023-05-01', 'en-GB')).toBe('May 2023');
		expect(dayName('2023-05-14', 'en-GB')).toContain('14 May 2023');
		expect(dayShort('2023-05-14', 'en-GB')).toMatch(/Sun.*14 May/);
	});

	it('writes lengths as players do', () => {
		expect(length(0)).toBe('0:00');
		expect(length(61_400)).toBe('1:01');
		expect(length(3_723_000)).toBe('1:02:03');
	});

	it('knows the offsets of zones at their time of year', () => {
		const may = Date.parse('2023-05-14T10:00:00Z');
		expect(zoneMinutes('UTC+5:30', may)).toBe(330);
		expect(zoneMinutes('UTC-9:30', may)).toBe(-570);
		expect(zoneMinutes('UTC', may)).toBe(0);
		expect(zoneMinutes('Europe/Lisbon', may)).toBe(60);
		expect(zoneMinutes('Nowhere/Land', may)).toBeNull();
		expect(zoneMinutes(null, may)).toBeNull();
	});

	it('goes through a form field and back', () => {
		const wall = Date.parse('2023-05-14T10:05:00Z');
		expect(toInput(wall)).toBe('2023-05-14T10:05');
		expect(withOffset(toInput(wall), -570)).toBe('2023-05-14T10:05:00.000-09:30');
	});
});
