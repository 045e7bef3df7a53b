// Local date-times without surprises. The server tells a photo's wall-clock time as if it were UTC
// (`localDateTime`) or as an instant plus hours of offset; either way we format it in the zone "UTC" and never
// let the visitor's own zone touch it.

export type LocalDay = string; // YYYY-MM-DD

/** Milliseconds of the wall clock, for an instant without zone suffix and its offset in hours. */
export function wallClock(instant: string, offsetHours: number): number {
	return Date.parse(/[zZ]|[+-]\d\d:\d\d$/.test(instant) ? instant : `${instant}Z`) + offsetHours * 3_600_000;
}

export function dayOf(wallMs: number): LocalDay {
	return new Date(wallMs).toISOString().slice(0, 10);
}

/** `2023-05-01` → `2023-05-01`: the bucket that a wall-clock day belongs to. */
export function monthOf(day: LocalDay): string {
	return `${day.slice(0, 7)}-01`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const key = locale + JSON.stringify(options);
	let known = formats.get(key);
	if (!known) formats.set(key, (known = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options })));
	return known;
}

export function monthName(key: string, locale: string): string {
	return format(locale, { month: 'long', year: 'numeric' }).format(Date.parse(`${key}T00:00:00Z`));
}

/** "Saturday, 14 May 2023" */
export function dayName(day: LocalDay, locale: string): string {
	return format(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(
		Date.parse(`${day}T00:00:00Z`)
	);
}

/** "Sat, 14 May": enough under a heading that already tells the month. */
export function dayShort(day: LocalDay, locale: string): string {
	return format(locale, { weekday: 'short', day: 'numeric', month: 'short' }).format(Date.parse(`${day}T00:00:00Z`));
}

/** "14 May 2023" */
export function dayPlain(day: LocalDay, locale: string): string {
	return format(locale, { day: 'numeric', month: 'short', year: 'numeric' }).format(Date.parse(`${day}T00:00:00Z`));
}

export function dateTime(wallMs: number, locale: string): string {
	return format(locale, { dateStyle: 'full', timeStyle: 'short' }).format(wallMs);
}

/** An instant in the visitor's own zone, for things that happened here (uploads, sessions). */
export function moment(iso: string, locale: string): string {
	return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(Date.parse(iso));
}

/** `3723000` → `1:02:03` */
export function length(ms: number): string {
	const seconds = Math.round(ms / 1000);
	const two = (n: number) => String(n).padStart(2, '0');
	const h = Math.floor(seconds / 3600);
	const m = Math.floor((seconds % 3600) / 60);
	return h > 0 ? `${h}:${two(m)}:${two(seconds % 60)}` : `${m}:${two(seconds % 60)}`;
}

/** What `<input type="datetime-local">` wants: the wall clock to the minute. */
export function toInput(wallMs: number): string {
	return new Date(wallMs).toISOString().slice(0, 16);
}

/** `Europe/Lisbon`, `UTC+2`, `UTC+5:30`, `UTC-9:30` → minutes at that wall-clock time; null when unknown. */
export function zoneMinutes(zone: string | null, wallMs: number): number | null {
	if (!zone) return null;
	const fixed = /^UTC(?:([+-])(\d{1,2})(?::(\d\d))?)?$/.exec(zone);
	if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2] ?? 0) * 60 + Number(fixed[3] ?? 0));
	try {
		const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(wallMs);
		const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
		const found = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(name);
		return found ? (found[1] === '-' ? -1 : 1) * (Number(found[2] ?? 0) * 60 + Number(found[3] ?? 0)) : null;
	} catch {
		return null;
	}
}

/** The wall clock a person typed, with its zone, as the ISO text the server keeps: `2023-05-14T10:00:00.000+02:00`. */
export function withOffset(input: string, minutes: number): string {
	const two = (n: number) => String(n).padStart(2, '0');
	const sign = minutes < 0 ? '-' : '+';
	const abs = Math.abs(minutes);
	const seconds = input.length === 16 ? `${input}:00` : input;
	return `${seconds}.000${sign}${two(Math.floor(abs / 60))}:${two(abs % 60)}`;
}
