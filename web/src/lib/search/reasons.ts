// Why a photo was found, in a few words. Pure.

import type { Reason } from '$lib/api/search';
import { locale, t } from '$lib/text/t';
import { dayPlain } from '$lib/time';

const MOST = 90;

/** What is sure, with its kind. */
function sureOf(reasons: readonly Reason[], told: (read: Reason) => string): string {
	const named = reasons.filter(({ kind }) => kind === 'person' || kind === 'place' || kind === 'tag').map(({ text }) => text);
	const when = reasons.find(({ kind }) => kind === 'date');
	if (when) named.push(whenOf(when.text));
	const read = reasons.find(({ kind }) => kind === 'text') ?? reasons.find(({ kind }) => kind === 'description') ?? reasons.find(({ kind }) => kind === 'name');
	if (read) named.push(told(read));
	return named.join(' · ');
}

/** For a tile: empty for a photo that only looks like it, which is said once for all of them. */
export const noteOf = (reasons: readonly Reason[]): string => sureOf(reasons, ({ kind, text }) => (kind === 'name' ? text : t('why_description', { words: shortened(text) })));

/** Every photo has a reason: where there is no surer one, its looks. */
export function whyOf(reasons: readonly Reason[]): string {
	return sureOf(reasons, readOf) || (reasons.length > 0 ? t('why_meaning') : '');
}

const shortened = (text: string) => (text.length > MOST ? `${text.slice(0, MOST).trimEnd()}…` : text);

function readOf({ kind, text }: Reason): string {
	const words = shortened(text);
	if (kind === 'text') return t('why_text', { words });
	return kind === 'description' ? t('why_description', { words }) : t('why_name', { words });
}

/** A day as people say it; the name of a month stays as it was typed. */
const whenOf = (text: string) => (/^\d{4}-\d\d-\d\d$/.test(text) ? dayPlain(text, locale) : text);
