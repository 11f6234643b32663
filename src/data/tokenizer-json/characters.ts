/**
 * Classes of characters as the Hugging Face tokenizers library and its regular expressions (Oniguruma) have them,
 * written for the inside of a JavaScript class. They differ from JavaScript's own \s, \w and \d.
 */

/** Unicode's White_Space: Rust's char::is_whitespace, and \s of either. */
export const WHITE_SPACE = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** \w of Oniguruma within a class: Alphabetic, marks, decimal digits, connectors. */
export const ONIGURUMA_WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
/** \w of Oniguruma by itself, where the powers and fractions of Latin-1 are of it. */
export const ONIGURUMA_WORD_ALONE = `${ONIGURUMA_WORD}\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be`;
/** \w of Rust's regex crate (UTS 18, Annex C). */
export const RUST_WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
/** Punctuation of the `Punctuation` and `BertPreTokenizer` steps: ASCII's, and Unicode 8's general category P. */
export const PUNCTUATION =
  "\\u{21}-\\u{2f}\\u{3a}-\\u{40}\\u{5b}-\\u{60}\\u{7b}-\\u{7e}\\u{a1}\\u{a7}\\u{ab}\\u{b6}-\\u{b7}\\u{bb}" +
  "\\u{bf}\\u{37e}\\u{387}\\u{55a}-\\u{55f}\\u{589}-\\u{58a}\\u{5be}\\u{5c0}\\u{5c3}\\u{5c6}" +
  "\\u{5f3}-\\u{5f4}\\u{609}-\\u{60a}\\u{60c}-\\u{60d}\\u{61b}\\u{61e}-\\u{61f}\\u{66a}-\\u{66d}\\u{6d4}" +
  "\\u{700}-\\u{70d}\\u{7f7}-\\u{7f9}\\u{830}-\\u{83e}\\u{85e}\\u{964}-\\u{965}\\u{970}\\u{af0}\\u{df4}" +
  "\\u{e4f}\\u{e5a}-\\u{e5b}\\u{f04}-\\u{f12}\\u{f14}\\u{f3a}-\\u{f3d}\\u{f85}\\u{fd0}-\\u{fd4}" +
  "\\u{fd9}-\\u{fda}\\u{104a}-\\u{104f}\\u{10fb}\\u{1360}-\\u{1368}\\u{1400}\\u{166d}-\\u{166e}" +
  "\\u{169b}-\\u{169c}\\u{16eb}-\\u{16ed}\\u{1735}-\\u{1736}\\u{17d4}-\\u{17d6}\\u{17d8}-\\u{17da}" +
  "\\u{1800}-\\u{180a}\\u{1944}-\\u{1945}\\u{1a1e}-\\u{1a1f}\\u{1aa0}-\\u{1aa6}\\u{1aa8}-\\u{1aad}" +
  "\\u{1b5a}-\\u{1b60}\\u{1bfc}-\\u{1bff}\\u{1c3b}-\\u{1c3f}\\u{1c7e}-\\u{1c7f}\\u{1cc0}-\\u{1cc7}\\u{1cd3}" +
  "\\u{2010}-\\u{2027}\\u{2030}-\\u{2043}\\u{2045}-\\u{2051}\\u{2053}-\\u{205e}\\u{207d}-\\u{207e}" +
  "\\u{208d}-\\u{208e}\\u{2308}-\\u{230b}\\u{2329}-\\u{232a}\\u{2768}-\\u{2775}\\u{27c5}-\\u{27c6}" +
  "\\u{27e6}-\\u{27ef}\\u{2983}-\\u{2998}\\u{29d8}-\\u{29db}\\u{29fc}-\\u{29fd}\\u{2cf9}-\\u{2cfc}" +
  "\\u{2cfe}-\\u{2cff}\\u{2d70}\\u{2e00}-\\u{2e2e}\\u{2e30}-\\u{2e42}\\u{3001}-\\u{3003}\\u{3008}-\\u{3011}" +
  "\\u{3014}-\\u{301f}\\u{3030}\\u{303d}\\u{30a0}\\u{30fb}\\u{a4fe}-\\u{a4ff}\\u{a60d}-\\u{a60f}\\u{a673}" +
  "\\u{a67e}\\u{a6f2}-\\u{a6f7}\\u{a874}-\\u{a877}\\u{a8ce}-\\u{a8cf}\\u{a8f8}-\\u{a8fa}\\u{a8fc}" +
  "\\u{a92e}-\\u{a92f}\\u{a95f}\\u{a9c1}-\\u{a9cd}\\u{a9de}-\\u{a9df}\\u{aa5c}-\\u{aa5f}\\u{aade}-\\u{aadf}" +
  "\\u{aaf0}-\\u{aaf1}\\u{abeb}\\u{fd3e}-\\u{fd3f}\\u{fe10}-\\u{fe19}\\u{fe30}-\\u{fe52}\\u{fe54}-\\u{fe61}" +
  "\\u{fe63}\\u{fe68}\\u{fe6a}-\\u{fe6b}\\u{ff01}-\\u{ff03}\\u{ff05}-\\u{ff0a}\\u{ff0c}-\\u{ff0f}" +
  "\\u{ff1a}-\\u{ff1b}\\u{ff1f}-\\u{ff20}\\u{ff3b}-\\u{ff3d}\\u{ff3f}\\u{ff5b}\\u{ff5d}\\u{ff5f}-\\u{ff65}" +
  "\\u{10100}-\\u{10102}\\u{1039f}\\u{103d0}\\u{1056f}\\u{10857}\\u{1091f}\\u{1093f}\\u{10a50}-\\u{10a58}" +
  "\\u{10a7f}\\u{10af0}-\\u{10af6}\\u{10b39}-\\u{10b3f}\\u{10b99}-\\u{10b9c}\\u{11047}-\\u{1104d}" +
  "\\u{110bb}-\\u{110bc}\\u{110be}-\\u{110c1}\\u{11140}-\\u{11143}\\u{11174}-\\u{11175}\\u{111c5}-\\u{111c9}" +
  "\\u{111cd}\\u{111db}\\u{111dd}-\\u{111df}\\u{11238}-\\u{1123d}\\u{112a9}\\u{114c6}\\u{115c1}-\\u{115d7}" +
  "\\u{11641}-\\u{11643}\\u{1173c}-\\u{1173e}\\u{12470}-\\u{12474}\\u{16a6e}-\\u{16a6f}\\u{16af5}" +
  "\\u{16b37}-\\u{16b3b}\\u{16b44}\\u{1bc9f}\\u{1da87}-\\u{1da8b}";
