// Defines what keyboard.go asks for.
(() => {
  const seen = (e) => e.checkVisibility({visibilityProperty: true});
  const path = (e) => {
    const names = [];
    for (let up = e; up && up !== document.documentElement; up = up.parentElement) {
      names.unshift(up.localName + ':nth-child(' + ([...up.parentElement.children].indexOf(up) + 1) + ')');
    }
    return names.join('>') + ' ' + e.cloneNode(false).outerHTML.slice(0, 120); // what is in it may change
  };
  const look = (e) => {
    const s = getComputedStyle(e);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor, s.borderColor, s.textDecoration].join('|');
  };
  return {
    // The next Tab begins where an element with the focus was when it was removed.
    begin: () => {
      const e = document.createElement('span');
      e.tabIndex = -1;
      document.body.prepend(e);
      e.focus();
      e.remove();
      scrollTo(0, 0);
    },
    // What Tab should reach, in the order of the document. Of radio buttons with a name Tab reaches one.
    controls: () => {
      const groups = new Set();
      return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')].filter((e) => {
        if (e.disabled || e.tabIndex < 0 || !seen(e) || e.closest('[inert]')) return false;
        if (e.type !== 'radio') return true;
        const first = !groups.has(e.name);
        groups.add(e.name);
        return first && ([...document.getElementsByName(e.name)].every((r) => !r.checked) || e.checked) || e.checked;
      }).map(path);
    },
    // Where the focus is, and what is wrong with it.
    focused: () => {
      const e = document.activeElement;
      if (!e || e === document.body || e === document.documentElement) return {Path: '', Problem: ''};
      const box = e.getBoundingClientRect();
      const result = {Path: path(e), Problem: ''};
      if (box.width < 2 || box.height < 2 || box.bottom <= 0 || box.right <= 0 || box.top >= innerHeight || box.left >= innerWidth) result.Problem = 'the focus is out of sight';
      const focused = look(e);
      const s = getComputedStyle(e);
      const outlined = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1.5 || s.boxShadow !== 'none';
      e.blur();
      if (look(e) === focused) result.Problem = 'the focus does not show';
      else if (!outlined) result.Problem = 'the focus has no outline';
      e.focus({preventScroll: true, focusVisible: true});
      return result;
    },
  };
})()
