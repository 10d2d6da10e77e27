// Returns what is wrong with the page as it is laid out now: a list of sentences.
(() => {
  const faults = [];
  const fault = (e, text) => faults.push(text + ': ' + describe(e));
  const describe = (e) => {
    const name = e.localName + (e.id ? '#' + e.id : '') + (e.getAttribute('class') ? '.' + e.getAttribute('class').trim().replaceAll(/\s+/g, '.') : '');
    return '<' + name + '> "' + (e.textContent || e.value || '').trim().replaceAll(/\s+/g, ' ').slice(0, 60) + '"';
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const style = (e, pseudo) => getComputedStyle(e, pseudo);

  // inherited remembers what a function says of each element and asks it for the parent's.
  const inherited = (root, of) => {
    const known = new Map();
    const get = (e) => {
      if (!e) return root;
      if (!known.has(e)) known.set(e, of(e, () => get(e.parentElement)));
      return known.get(e);
    };
    return get;
  };

  // Something for screen readers only: laid out in a pixel, or clipped away; or a skip link.
  const hidden = inherited(false, (e, parent) => {
    const s = style(e), box = e.getBoundingClientRect();
    return s.clipPath === 'inset(50%)' || s.clip === 'rect(0px, 0px, 0px, 0px)' ||
      s.overflow !== 'visible' && box.width <= 1 && box.height <= 1 ||
      s.position !== 'static' && (box.bottom + scrollY <= 0 || box.right + scrollX <= 0) || parent();
  });

  // Colours as [red, green, blue, alpha], 0 to 255 and 0 to 1, whatever their notation.
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const rgba = (text) => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = '#000';
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const blank = rgba(matchMedia('(prefers-color-scheme: dark)').matches && style(document.documentElement).colorScheme.includes('dark') ? '#121212' : '#fff');
  const background = inherited(blank, (e, parent) => {
    const s = style(e);
    if (s.backgroundImage !== 'none') return null;
    const colour = rgba(s.backgroundColor);
    if (colour[3] === 1) return colour;
    const below = parent();
    return below && over(colour, below);
  });
  const opacity = inherited(1, (e, parent) => Number(style(e).opacity) * parent());
  const luminance = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const v = c[i] / 255;
    return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const wantContrast = (e, colour, least, what) => {
    const below = background(e);
    if (!below) return fault(e, what + ' is on an image');
    const top = rgba(colour);
    const got = contrast(over([...top.slice(0, 3), top[3] * opacity(e)], below), below);
    if (got < least - 0.005) fault(e, what + ' has a contrast of ' + got.toFixed(2) + ', not ' + least);
  };
  const large = (s) => parseFloat(s.fontSize) >= 24 || parseFloat(s.fontSize) >= 18.66 && Number(s.fontWeight) >= 700;

  const texts = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const e = node.parentElement;
      if (node.data.trim() && !['script', 'style', 'noscript', 'template', 'title', 'desc', 'option'].includes(e.localName) && seen(e)) found.push(node);
    }
    return found;
  };
  const scroller = inherited(null, (e, parent) => {
    if (e === document.body) return null;
    return ['auto', 'scroll'].includes(style(e).overflowX) && e.scrollWidth > e.clientWidth ? e : parent();
  });

  const shown = texts().filter((node) => !hidden(node.parentElement));

  // Text: its contrast, and that it lies within the window.
  const width = document.documentElement.clientWidth;
  const judged = new Set();
  for (const node of shown) {
    const e = node.parentElement;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 0 && (box.right > width + 1 || box.left < -1) && !scroller(e)) { fault(e, 'text is outside the window'); break; }
    }
    if (judged.has(e) || e.closest(':disabled, [aria-disabled=true]')) continue;
    judged.add(e);
    const s = style(e), svg = e.namespaceURI.endsWith('svg');
    wantContrast(e, svg ? s.fill : s.color, large(s) ? 3 : 4.5, 'text');
    if (!svg && parseFloat(s.fontSize) < 11) fault(e, 'text is smaller than 11 px');
  }

  // The page and what is cut off.
  const root = document.scrollingElement;
  if (root.scrollWidth > root.clientWidth) {
    faults.push('the page is ' + root.scrollWidth + ' px wide in a window of ' + root.clientWidth);
    for (const e of all('body *')) {
      if (seen(e) && e.getBoundingClientRect().right > width + 1 && !scroller(e) && ![...e.children].some((c) => c.getBoundingClientRect().right > width + 1)) fault(e, 'it reaches out of the window');
    }
  }
  for (const e of all('body *')) {
    if (!seen(e) || hidden(e)) continue;
    const s = style(e);
    const wider = e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0;
    if (wider && ['hidden', 'clip'].includes(s.overflowX) && s.textOverflow !== 'ellipsis' && !e.closest('svg, input, textarea, select')) fault(e, 'text is cut off');
    if (wider && ['auto', 'scroll'].includes(s.overflowX) && !['input', 'textarea', 'select'].includes(e.localName)) {
      if (e.tabIndex < 0) fault(e, 'a scrolling region is not reached by keyboard');
      if (!['region', 'group'].includes(e.getAttribute('role')) && e.localName !== 'section' || !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')) fault(e, 'a scrolling region has no role or name');
    }
    if (e.hasAttribute('style')) fault(e, 'it has an inline style');
    for (const a of e.attributes) if (a.name.startsWith('on')) fault(e, 'it has the attribute ' + a.name);
    if (e.tabIndex > 0) fault(e, 'its tabindex is positive');
  }

  // Fields: labels, edges, sizes.
  for (const e of all('input:not([type=hidden]), select, textarea')) {
    if (!seen(e)) continue;
    const named = ['submit', 'button', 'reset'].includes(e.type);
    if (!named && ![...(e.labels || [])].some((l) => l.textContent.trim()) && !e.ariaLabel && !e.getAttribute('aria-labelledby')) fault(e, 'a field has no label');
    if (e.placeholder) wantContrast(e, style(e, '::placeholder').color, 4.5, 'a placeholder');
    if (hidden(e) || ['checkbox', 'radio', 'range', 'color', 'file'].includes(e.type)) continue;
    const s = style(e);
    const around = background(e.parentElement), edge = over(rgba(s.borderTopColor), around || [255, 255, 255, 1]);
    const bordered = parseFloat(s.borderTopWidth) > 0 && s.borderTopStyle !== 'none';
    if (around && !e.disabled && !named && !(bordered && contrast(edge, around) >= 2.995) && contrast(background(e) || around, around) < 3) fault(e, 'the edge of a field has a contrast below 3');
  }
  for (const e of all('button, input:not([type=hidden]), select, textarea, summary')) {
    const box = e.getBoundingClientRect(), label = e.labels && e.labels[0] ? e.labels[0].getBoundingClientRect() : box;
    if (seen(e) && !hidden(e) && Math.max(box.height, label.height) < 23.5) fault(e, 'a control is less than 24 px high');
  }

  // Structure.
  if (!document.documentElement.lang) faults.push('the page has no language');
  if (!document.title.trim()) faults.push('the page has no title');
  const viewport = document.querySelector('meta[name=viewport]');
  if (!viewport || /user-scalable\s*=\s*no|maximum-scale/.test(viewport.content)) faults.push('the viewport is not set, or cannot be zoomed');
  const headings = all('h1, h2, h3, h4, h5, h6').filter(seen);
  if (headings.filter((e) => e.localName === 'h1').length !== 1) faults.push('the page has ' + headings.filter((e) => e.localName === 'h1').length + ' visible h1');
  headings.reduce((level, e) => {
    if (Number(e.localName[1]) > level + 1) fault(e, 'a heading skips a level after h' + level);
    if (!e.textContent.trim()) fault(e, 'a heading is empty');
    return Number(e.localName[1]);
  }, 0);
  for (const landmark of ['main', 'header, [role=banner]']) {
    if (!all(landmark).some(seen)) faults.push('the page has no landmark ' + landmark);
  }
  if (all('main').filter(seen).length > 1) faults.push('the page has more than one main');
  const navs = all('nav').filter(seen);
  if (navs.length > 1 && new Set(navs.map((e) => e.ariaLabel || e.getAttribute('aria-labelledby'))).size < navs.length) faults.push('several nav have no names of their own');
  for (const node of texts()) {
    const e = node.parentElement;
    if (!e.closest('main, nav, header, footer, aside, dialog, [role=status], [role=alert], a[href^="#"]')) fault(e, 'text is outside all landmarks');
  }
  const ids = new Set();
  for (const e of all('[id]')) {
    if (ids.has(e.id)) fault(e, 'its id occurs twice');
    ids.add(e.id);
  }
  for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'list', 'aria-errormessage']) {
    for (const e of all('[' + attribute + ']')) {
      for (const id of e.getAttribute(attribute).split(/\s+/)) if (id && !ids.has(id)) fault(e, attribute + ' names nothing: ' + id);
    }
  }
  for (const e of all('a[href^="#"]')) {
    const id = decodeURIComponent(e.getAttribute('href').slice(1));
    if (id && !ids.has(id)) fault(e, 'a link leads nowhere');
  }

  // Tables, pictures, times.
  for (const e of all('table')) {
    if (!seen(e)) continue;
    const heads = [...e.querySelectorAll('th')];
    if (!heads.length) fault(e, 'a table has no headers');
    for (const th of heads) {
      if (!th.scope) fault(th, 'a header has no scope');
      if (!th.textContent.trim() && !th.ariaLabel) fault(th, 'a header is empty');
    }
    if (!e.caption && !e.ariaLabel && !e.getAttribute('aria-labelledby') && !e.parentElement.closest('[role=region][aria-label]')) fault(e, 'a table has no name');
  }
  for (const e of all('td, th')) {
    const content = document.createRange();
    content.selectNodeContents(e);
    const box = content.getBoundingClientRect();
    if (seen(e) && box.width < 140 && box.height > 8 * parseFloat(style(e).fontSize) * 1.5 && box.height > 2 * box.width) fault(e, 'a cell is squeezed');
  }
  for (const e of all('img')) if (!e.hasAttribute('alt')) fault(e, 'a picture has no alt');
  for (const e of all('svg')) {
    if (e.parentElement.closest('svg') || e.closest('[aria-hidden=true]')) continue;
    if (e.getAttribute('role') !== 'img' || !e.ariaLabel && !e.getAttribute('aria-labelledby') && !e.querySelector(':scope > title')) fault(e, 'a drawing has no role=img with a name, and is not hidden');
  }
  for (const e of all('time')) {
    if (Number.isNaN(Date.parse(e.dateTime)) && !/^P/.test(e.dateTime)) fault(e, 'a time has no datetime');
  }
  return [...new Set(faults)];
})()
