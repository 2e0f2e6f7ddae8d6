import type { Text } from '../en/index.ts'

export const find: Text['find'] = {
  title: 'イメージを検索',
  lead: 'パッケージや脆弱性を含むタグを探せます。',
  what: 'パッケージ、パッケージ URL または脆弱性',
  example: '例: openssl, pkg:npm/left-pad@1.3.0, CVE-2026-12345',
  hint: 'パッケージ名の先頭、パッケージ URL、または脆弱性の ID を入力してください。',
  repository: 'リポジトリ',
  count: (count) => `${count} 件見つかりました`,
  noPackage: (q) => `${q} で始まるパッケージを含むタグはありません。`,
  noVulnerability: (q) => `${q} を挙げているレポートが付いたタグはありません。`,
  packageHint: '検索できるのは SBOM が付いたイメージだけです。',
}
