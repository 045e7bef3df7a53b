// Where a person may be sent after signing in.

/** A path of this very site, or the fallback: "//evil", "/\evil" and "/<tab>/evil" are other sites to a browser. */
export function safePath(wanted: string | null, here: string, fallback = '/photos'): string {
	if (!wanted?.startsWith('/')) return fallback;
	const url = new URL(wanted, here);
	if (url.origin !== new URL(here).origin || /^\/(\/|auth\b)/.test(url.pathname)) return fallback;
	return url.pathname + url.search;
}
