// Contrast (WCAG 2.2), sizes, names, ids and overflow of the page as it is drawn now.
(least) => {
  const parse = (s) => {
    const v = (s.match(/[\d.]+/g) ?? []).map(Number);
    return v.length < 3 ? null : [v[0], v[1], v[2], v.length > 3 ? v[3] : 1];
  };
  const lum = (c) => {
    const part = (v) => (v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    const f = c.slice(0, 3).map((v) => part(v / 255));
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2];
  };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const ground = (e) => {
    const layers = [];
    for (let x = e; x; x = x.parentElement) {
      const c = parse(getComputedStyle(x).backgroundColor);
      if (c && c[3] > 0) { layers.push(c); if (c[3] === 1) break; }
    }
    return layers.reduceRight((below, c) => over(c, below), [255, 255, 255, 1]);
  };
  const found = [];
  const seen = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || seen.has(e)) continue;
    if (e.closest('svg, .sr, .skip, script, template, :disabled')) continue;
    seen.add(e);
    if (!e.getBoundingClientRect().width) continue;
    const style = getComputedStyle(e);
    const bg = ground(e);
    const [low, high] = [lum(over(parse(style.color), bg)), lum(bg)].sort((a, b) => a - b);
    const ratio = (high + .05) / (low + .05);
    const size = parseFloat(style.fontSize);
    const name = `${e.tagName}.${e.className} "${e.textContent.trim().slice(0, 20)}"`;
    if (ratio < (size >= 24 ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${name}`);
    if (size < least.text) found.push(`text of ${size} px: ${name}`);
  }
  for (const e of document.querySelectorAll('button, a.btn, input, textarea, select, summary')) {
    const box = e.getBoundingClientRect();
    if (!box.width || ['radio', 'checkbox', 'hidden'].includes(e.type)) continue;
    if (box.height < least.target) found.push(`target of ${box.height} px: ${e.outerHTML.slice(0, 80)}`);
  }
  for (const e of document.querySelectorAll('button, a[href], input:not([type=hidden]), textarea, select')) {
    const named = e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length || e.title;
    if (!named && e.getBoundingClientRect().width) found.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of new Set(ids.filter((v, i) => ids.indexOf(v) !== i))) found.push(`id twice: ${id}`);
  for (const use of document.querySelectorAll('use')) {
    if (!document.querySelector(use.getAttribute('href'))) found.push(`no icon ${use.getAttribute('href')}`);
  }
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`wider than the window: ${root.scrollWidth} px`);
  return [...new Set(found)];
}
