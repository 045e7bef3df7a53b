import { Saved } from './saved.svelte';

export type Theme = 'auto' | 'light' | 'dark';

const saved = new Saved<string>('theme', 'auto');

export const theme = {
	get value(): Theme {
		return saved.value as Theme;
	},
	set value(next: Theme) {
		saved.value = next;
		apply();
	},
	next() {
		theme.value = theme.value === 'auto' ? 'light' : theme.value === 'light' ? 'dark' : 'auto';
	}
};

export function apply() {
	document.documentElement.dataset.theme = saved.value;
}
