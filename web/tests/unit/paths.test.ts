import { describe, expect, it } from 'vitest';
import { safePath } from '../../src/lib/state/paths';

const HERE = 'https://photos.example/auth/login';

describe('where a person is sent after signing in', () => {
	it('is a path of this site', () => {
		expect(safePath('/archive/1?x=2', HERE)).toBe('/archive/1?x=2');
	});

	it.each([null, '', 'https://evil.example/', '//evil.example', '/\\evil.example', '/\t/evil.example', 'javascript:alert(1)', '/auth/login', '/%2e%2e//..//auth/login'])(
		'is never %j',
		(wanted) => expect(safePath(wanted, HERE)).toBe('/photos')
	);
});
