// Text through one catalogue. `t('photos', { n: 3 })` picks `photos_one` or `photos_other` by the locale's rules.

import en from './en.json';

type Plural<K> = K extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : K;
export type Key = Plural<keyof typeof en>;
type Values = Record<string, string | number>;

const catalogue: Record<string, string> = en;

export const locale: string = typeof navigator === 'undefined' ? 'en' : navigator.language;
// Made when first needed: a browser takes its time to read the tables of languages.
let plural: Intl.PluralRules | undefined;
let numbers: Intl.NumberFormat | undefined;

const pluralOf = (n: number): string => (plural ??= new Intl.PluralRules('en')).select(n);
export const number = (n: number): string => (numbers ??= new Intl.NumberFormat(locale)).format(n);

export function t(key: Key, values: Values = {}): string {
	const n = values.n;
	const form = typeof n === 'number' ? catalogue[`${key}_${pluralOf(n)}`] : undefined;
	const text = form ?? catalogue[key] ?? catalogue[`${key}_other`] ?? key;
	return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
		const value = values[name];
		return value === undefined ? whole : typeof value === 'number' ? number(value) : value;
	});
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

/** 1,500,000 → "1.5 MB" (powers of 1000, as disks are sold). */
export function bytes(size: number): string {
	const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, size)) / 3)));
	const value = size / 1000 ** power;
	return new Intl.NumberFormat(locale, {
		style: 'unit',
		unit: UNITS[power],
		maximumFractionDigits: power && value < 100 ? 1 : 0
	}).format(value);
}
